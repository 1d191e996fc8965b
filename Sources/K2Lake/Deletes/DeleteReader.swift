import K2Bytes
import K2Iceberg
import K2ObjectStore
import K2Parquet

/// A data file, and the delete files that apply to it as `DeleteIndex` has them.
public struct DeletedFile: Sendable {
    public var data: ManifestEntry
    public var deletes: [ManifestEntry]

    public init(data: ManifestEntry, deletes: [ManifestEntry]) {
        self.data = data
        self.deletes = deletes
    }
}

/// Reads delete files and says which rows of data files they leave: https://iceberg.apache.org/spec/#delete-formats
///
/// A delete file is read once for all data files of a call, so callers hand in together what lies together.
public struct DeleteReader {
    let store: any ObjectStore
    let metadata: TableMetadata
    let limits: ReaderLimits
    let keyBytes: Int
    let mayGoOn: () throws -> Void
    /// The data files that each position delete file names, by its path, for those that were read.
    public private(set) var namedPaths: [ExactPath: Set<ExactPath>] = [:]

    /// - Parameters:
    ///   - keyBytes: what keys of equality deletes may take, about; more of them are applied in parts, each of which reads the data files once.
    ///   - mayGoOn: called before each read; what it throws is passed on.
    public init(
        store: any ObjectStore, metadata: TableMetadata, limits: ReaderLimits = ReaderLimits(), keyBytes: Int = 128 << 20,
        mayGoOn: @escaping () throws -> Void = {}
    ) {
        self.store = store
        self.metadata = metadata
        self.limits = limits
        self.keyBytes = keyBytes
        self.mayGoOn = mayGoOn
    }

    /// The rows that are left of each file; nil where all are.
    ///
    /// - Throws: `unsupported` for delete files that are not Parquet (deletion vectors among them); what reading throws.
    public mutating func masks(_ files: [DeletedFile]) throws -> [RowMask?] {
        var masks = files.map { $0.deletes.isEmpty ? nil : RowMask(count: Int($0.data.file.recordCount)) }
        try applyPositions(files, &masks)
        try EqualityDeletes(store: store, metadata: metadata, limits: limits, keyBytes: keyBytes, mayGoOn: mayGoOn).apply(files, &masks)
        return masks.map { $0.flatMap { $0.liveCount == $0.count ? nil : $0 } }
    }

    /// Reads which files a position delete file names, when that is not known yet.
    public mutating func readPaths(_ delete: ManifestEntry) throws {
        let path = ExactPath(delete.file.path)
        guard delete.file.content == .positionDeletes, namedPaths[path] == nil else { return }
        namedPaths[path] = try PositionDeletes(delete.file, in: store, limits, mayGoOn).forEach({ _ in nil }, remove: { _, _ in })
    }

    private mutating func applyPositions(_ files: [DeletedFile], _ masks: inout [RowMask?]) throws {
        var targets: [ExactPath: [Int]] = [:]
        var deletes: [DataFile] = []
        for (index, file) in files.enumerated() {
            for delete in file.deletes where delete.file.content == .positionDeletes {
                let path = ExactPath(delete.file.path)
                if targets[path] == nil { deletes.append(delete.file) }
                targets[path, default: []].append(index)
            }
        }
        for delete in deletes {
            let path = ExactPath(delete.path)
            let places = Dictionary((targets[path] ?? []).map { (ExactPath(files[$0].data.file.path), $0) }) { first, _ in first }
            namedPaths[path] = try PositionDeletes(delete, in: store, limits, mayGoOn).forEach({ places[$0] }, remove: { masks[$0]?.remove($1) })
        }
    }
}

/// A file of (path, position) pairs: https://iceberg.apache.org/spec/#position-delete-files
struct PositionDeletes {
    private let file: TableFile
    private let path: Int
    private let position: Int

    init(_ file: DataFile, in store: any ObjectStore, _ limits: ReaderLimits, _ mayGoOn: @escaping () throws -> Void) throws {
        self.file = try TableFile(file, in: store, limits: limits, mayGoOn: mayGoOn)
        path = try Self.column(DeleteIndex.filePathID, "file_path", .byteArray, in: self.file)
        position = try Self.column(DeleteIndex.positionID, "pos", .int64, in: self.file)
    }

    /// The fields have reserved ids; files whose writers set none have the names.
    private static func column(_ id: Int, _ name: String, _ type: PhysicalType, in file: TableFile) throws(IcebergError) -> Int {
        let leaves = file.reader.schema.leaves
        let found = leaves.firstIndex { $0.fieldID == Int32(id) } ?? leaves.firstIndex { $0.path == [name] && $0.fieldID == nil }
        guard let found, leaves[found].type == type, leaves[found].maxRepetition == 0 else {
            throw IcebergError(.malformed, "\(file.file.path): no column \(name) of a position delete file")
        }
        return found
    }

    /// Calls `remove` for each pair whose path `target` gives a number, and returns all paths that the file names.
    func forEach(_ target: (ExactPath) -> Int?, remove: (Int, Int) -> Void) throws -> Set<ExactPath> {
        var names: Set<ExactPath> = []
        for group in file.rowGroups {
            var runs: [(target: Int?, count: Int)] = []
            var current: (path: [UInt8], target: Int?)?
            try file.pieces(path, rowGroup: group, dictionaries: .decoded) { piece in
                guard piece.isFull, case .byteArray(let paths) = piece.values else { throw malformed("null among the paths") }
                for index in 0..<paths.count {
                    let bytes = paths.data[Int(paths.offsets[index])..<Int(paths.offsets[index + 1])]
                    if let last = current?.path, bytes.elementsEqual(last) {
                        runs[runs.count - 1].count += 1
                        continue
                    }
                    let name = ExactPath(String(decoding: bytes, as: UTF8.self))
                    names.insert(name)
                    current = (Array(bytes), target(name))
                    runs.append((current?.target, 1))
                }
            }
            try removeRuns(runs, group, remove)
        }
        return names
    }

    private func removeRuns(_ runs: [(target: Int?, count: Int)], _ group: Int, _ remove: (Int, Int) -> Void) throws {
        var (run, left) = (0, runs.first?.count ?? 0)
        try file.pieces(position, rowGroup: group, dictionaries: .decoded) { piece in
            guard piece.isFull, case .int64(let positions) = piece.values else { throw malformed("null among the positions") }
            for position in positions {
                while left == 0, run + 1 < runs.count {
                    run += 1
                    left = runs[run].count
                }
                guard left > 0 else { throw malformed("more positions than paths") }
                left -= 1
                if let target = runs[run].target, let row = Int(exactly: position) { remove(target, row) }
            }
        }
    }

    private func malformed(_ text: String) -> IcebergError { IcebergError(.malformed, "\(file.file.path): \(text)") }
}
