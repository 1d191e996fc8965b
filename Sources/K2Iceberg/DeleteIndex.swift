import K2ObjectStore

/// Says which delete files apply to a data file: https://iceberg.apache.org/spec/#scan-planning
///
/// By partition, by sequence number, and for position deletes by the paths that the file can name. What it holds is for the reader of the
/// delete file to say: a position delete file of many data files may turn out not to name the one that was asked for.
public struct DeleteIndex: Sendable {
    /// `file_path` of position delete files: https://iceberg.apache.org/spec/#reserved-field-ids
    public static let filePathID = 2_147_483_546
    /// `pos` of position delete files.
    public static let positionID = 2_147_483_545

    /// The live delete files of the snapshot.
    public let entries: [ManifestEntry]
    private var byPath: [ExactPath: [Int]] = [:]
    private var byPartition: [PartitionKey: [Int]] = [:]
    /// Equality deletes of an unpartitioned spec apply to all partitions.
    private var global: [Int] = []

    /// - Parameters:
    ///   - entries: live entries of delete manifests, inherited values filled in.
    ///   - isUnpartitioned: whether the spec of that id has no fields.
    public init(_ entries: [ManifestEntry], isUnpartitioned: (_ specID: Int) -> Bool) {
        self.entries = entries
        for (index, entry) in entries.enumerated() {
            if entry.file.content == .equalityDeletes, isUnpartitioned(entry.file.specID) {
                global.append(index)
                continue
            }
            if let path = Self.onlyPath(entry.file) { byPath[ExactPath(path), default: []].append(index) }
            if entry.file.referencedDataFile == nil { byPartition[PartitionKey(entry.file), default: []].append(index) }
        }
    }

    /// Reads the delete manifests of a snapshot; of the current one when `snapshotID` is nil.
    public init(_ files: TableFiles, snapshotID: Int64? = nil) throws(IcebergError) {
        let metadata = files.metadata
        self.init(try files.liveEntries(.deletes, snapshotID: snapshotID)) { metadata.spec(id: $0)?.isUnpartitioned ?? false }
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// The delete files that apply to a data file, or may, in the order of their entries.
    public func deletes(for data: ManifestEntry) -> [ManifestEntry] {
        if entries.isEmpty { return [] }
        let candidates = Set(global + (byPath[ExactPath(data.file.path)] ?? []) + (byPartition[PartitionKey(data.file)] ?? []))
        return candidates.sorted().map { entries[$0] }.filter { Self.mayApply($0, to: data) }
    }

    /// Whether sequence numbers and paths let `delete`, which is of the right partition, apply to `data`.
    static func mayApply(_ delete: ManifestEntry, to data: ManifestEntry) -> Bool {
        let (deleted, written) = (delete.sequenceNumber ?? 0, data.sequenceNumber ?? 0)
        switch delete.file.content {
        case .data: return false
        case .equalityDeletes: return written < deleted
        case .positionDeletes: return written <= deleted && mayName(delete.file, data.file.path)
        }
    }

    /// The one data file that a position delete file is about, if it says so.
    private static func onlyPath(_ file: DataFile) -> String? {
        guard file.content == .positionDeletes else { return nil }
        if let path = file.referencedDataFile { return path }
        guard let lower = file.lowerBounds[filePathID], lower == file.upperBounds[filePathID] else { return nil }
        return String(validating: lower, as: UTF8.self)
    }

    private static func mayName(_ file: DataFile, _ path: String) -> Bool {
        if let named = file.referencedDataFile { return ExactPath(named) == ExactPath(path) }
        let bytes = path.utf8
        if let lower = file.lowerBounds[filePathID], bytes.lexicographicallyPrecedes(lower) { return false }
        // Not every writer that cuts a bound raises it: one that the path begins with rules nothing out.
        if let upper = file.upperBounds[filePathID], upper.lexicographicallyPrecedes(bytes), !bytes.starts(with: upper) { return false }
        return true
    }

    /// The delete files that apply to none of `data`, which are all live data files of the snapshot.
    ///
    /// - Parameter names: the paths that a position delete file names, where they are known.
    public func unneeded(_ data: [ManifestEntry], names: (_ path: ExactPath) -> Set<ExactPath>?) -> [ManifestEntry] {
        if entries.isEmpty { return [] }
        var byPartition: [PartitionKey: [ManifestEntry]] = [:]
        for entry in data { byPartition[PartitionKey(entry.file), default: []].append(entry) }
        let byPath = Dictionary(data.map { (ExactPath($0.file.path), $0) }) { first, _ in first }
        let global = Set(self.global)
        return entries.enumerated().filter { index, delete in
            if global.contains(index) { return !data.contains { Self.mayApply(delete, to: $0) } }
            if let path = Self.onlyPath(delete.file), let entry = byPath[ExactPath(path)], Self.mayApply(delete, to: entry) { return false }
            let known = delete.file.content == .positionDeletes ? names(ExactPath(delete.file.path)) : nil
            return !(byPartition[PartitionKey(delete.file)] ?? []).contains { entry in
                Self.mayApply(delete, to: entry) && known?.contains(ExactPath(entry.file.path)) ?? true
            }
        }.map(\.element)
    }
}
