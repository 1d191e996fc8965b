import K2Iceberg
import K2Lake
import K2ObjectStore

/// The live files of a table at one snapshot, and which deletes apply to which.
struct LiveTable {
    let metadata: TableMetadata
    /// Of the snapshot; new files that take the place of its files get this age.
    let sequenceNumber: Int64
    /// Data files with the delete files that apply to them, oldest first.
    private(set) var files: [DeletedFile]
    let index: DeleteIndex
    /// The data files that position delete files name, for those that do not say so in the manifest.
    private(set) var namedPaths: [ExactPath: Set<ExactPath>] = [:]

    /// Reads the manifests of the current snapshot, and the paths in those delete files whose manifest entries do not tell.
    /// - Parameter mayGoOn: called before each read; what it throws is passed on.
    init(_ metadata: TableMetadata, _ store: any ObjectStore, mayGoOn: @escaping () throws -> Void = {}) throws {
        self.metadata = metadata
        sequenceNumber = metadata.currentSnapshot?.sequenceNumber ?? 0
        var (data, deletes): ([ManifestEntry], [ManifestEntry]) = ([], [])
        let source = TableFiles(metadata: metadata, store: store)
        for manifest in try source.manifests() where manifest.mayHoldLiveFiles {
            try mayGoOn()
            let live = try source.entries(manifest).filter(\.isLive)
            if manifest.content == .data { data += live } else { deletes += live }
        }
        let index = DeleteIndex(deletes) { metadata.spec(id: $0)?.isUnpartitioned ?? false }
        self.index = index
        files = data.sorted { ($0.sequenceNumber ?? 0, $0.file.path) < ($1.sequenceNumber ?? 0, $1.file.path) }
            .map { DeletedFile(data: $0, deletes: index.deletes(for: $0)) }
        try readPaths(store, mayGoOn)
    }

    /// A position delete file that may name many data files is read, so that only those it names count as having deletes.
    private mutating func readPaths(_ store: any ObjectStore, _ mayGoOn: @escaping () throws -> Void) throws {
        var appliesTo: [ExactPath: Int] = [:]
        for file in files { for delete in file.deletes where delete.file.content == .positionDeletes { appliesTo[ExactPath(delete.file.path), default: 0] += 1 } }
        var reader = DeleteReader(store: store, metadata: metadata, mayGoOn: mayGoOn)
        for entry in index.entries where entry.file.content == .positionDeletes && entry.file.referencedDataFile == nil {
            guard let count = appliesTo[ExactPath(entry.file.path)], count > 1 || entry.file.lowerBounds[DeleteIndex.filePathID] == nil else { continue }
            guard entry.file.format == "PARQUET" else { continue }
            try reader.readPaths(entry)
        }
        namedPaths = reader.namedPaths
        if namedPaths.isEmpty { return }
        for place in files.indices {
            let path = ExactPath(files[place].data.file.path)
            files[place].deletes.removeAll { delete in namedPaths[ExactPath(delete.file.path)].map { !$0.contains(path) } ?? false }
        }
    }

    var data: [ManifestEntry] { files.map(\.data) }

    /// The delete files that would apply to nothing any more when the data files at `paths` were written anew.
    /// - Parameter reader: has read those that apply to them.
    func deletes(without paths: Set<String>, _ reader: DeleteReader) -> [ManifestEntry] {
        if paths.isEmpty { return [] }
        let known = namedPaths.merging(reader.namedPaths) { $1 }
        return index.unneeded(data.filter { !paths.contains($0.file.path) }) { known[$0] }
    }
}
