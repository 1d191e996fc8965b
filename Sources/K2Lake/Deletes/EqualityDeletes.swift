import K2Bytes
import K2Iceberg
import K2ObjectStore
import K2Parquet

/// Rows that are deleted by the values of some columns: https://iceberg.apache.org/spec/#equality-delete-files
///
/// Of equal rows in several delete files the newest counts: it alone says which data files are old enough.
struct EqualityDeletes {
    let store: any ObjectStore
    let metadata: TableMetadata
    let limits: ReaderLimits

    /// Delete files that are looked up together: of the same columns and the same data files.
    private struct Family: Hashable {
        var ids: [Int]
        /// Nil: of all partitions.
        var partition: PartitionKey?
    }

    /// The keys of a family, and the age of the newest delete of each.
    private struct Keys {
        var table = ByteTable()
        var newest: [Int64] = []

        mutating func add(_ key: Span<UInt8>, _ sequenceNumber: Int64) {
            let index = table.insert(key)
            if index == newest.count { newest.append(sequenceNumber) } else { newest[index] = max(newest[index], sequenceNumber) }
        }
    }

    func apply(_ files: [DeletedFile], _ masks: inout [RowMask?]) throws {
        var families: [Family: Keys] = [:]
        var read: Set<String> = []
        for file in files {
            for delete in file.deletes where delete.file.content == .equalityDeletes && read.insert(delete.file.path).inserted {
                try load(delete, into: &families[family(delete), default: Keys()])
            }
        }
        for (index, file) in files.enumerated() {
            let wanted = Set(file.deletes.filter { $0.file.content == .equalityDeletes }.map(family))
            for family in wanted {
                guard let keys = families[family] else { continue }
                try remove(file.data, family.ids, keys, &masks[index])
            }
        }
    }

    private func family(_ delete: ManifestEntry) -> Family {
        let isGlobal = metadata.spec(id: delete.file.specID)?.isUnpartitioned ?? false
        return Family(ids: delete.file.equalityIDs.sorted(), partition: isGlobal ? nil : PartitionKey(delete.file))
    }

    private func load(_ delete: ManifestEntry, into keys: inout Keys) throws {
        guard !delete.file.equalityIDs.isEmpty else { throw IcebergError(.malformed, "\(delete.file.path): an equality delete file that names no columns") }
        var key = ByteWriter(capacity: 128)
        try forEachGroup(delete.file, delete.file.equalityIDs.sorted(), mustHaveAll: true) { columns, rows in
            for row in 0..<rows.count {
                key.removeAll()
                for column in columns { column.append(row, to: &key) }
                keys.add(key.bytes, delete.sequenceNumber ?? 0)
            }
        }
    }

    private func remove(_ data: ManifestEntry, _ ids: [Int], _ keys: Keys, _ mask: inout RowMask?) throws {
        var key = ByteWriter(capacity: 128)
        let written = data.sequenceNumber ?? 0
        try forEachGroup(data.file, ids) { columns, rows in
            for row in 0..<rows.count {
                key.removeAll()
                for column in columns { column.append(row, to: &key) }
                if let found = keys.table.find(key.bytes), written < keys.newest[found] { mask?.remove(rows.lowerBound + row) }
            }
        }
    }

    private func forEachGroup(
        _ file: DataFile, _ ids: [Int], mustHaveAll: Bool = false, _ body: ([KeyColumn], Range<Int>) throws -> Void
    ) throws {
        let opened = try TableFile(file, in: store, limits: limits)
        let keys = try KeyReader(opened, try ids.map(leaf), metadata)
        if mustHaveAll, let name = keys.missing { throw IcebergError(.malformed, "\(file.path): no column \(name), by which it deletes") }
        for group in opened.rowGroups { try body(try keys.columns(rowGroup: group), opened.rows(of: group)) }
    }

    /// The leaf of that id; one that the table has dropped since is known from an older schema.
    private func leaf(_ id: Int) throws(IcebergError) -> TableLeaf {
        for schema in [metadata.currentSchema] + metadata.schemas.reversed() {
            if let leaf = schema.leaves.first(where: { $0.id == id }) {
                guard leaf.maxRepetition == 0 else { break }
                return leaf
            }
        }
        throw IcebergError(.unsupported, "equality deletes by field \(id), which is no plain column")
    }
}
