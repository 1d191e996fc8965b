import K2Bytes
import K2Iceberg
import K2ObjectStore
import K2Parquet

/// Rows that are deleted by the values of some columns: https://iceberg.apache.org/spec/#equality-delete-files
///
/// Of equal rows in several delete files the newest counts: it alone says which data files are old enough. Keys that do not fit into memory are applied
/// in parts: a row is gone when one of the parts says so.
struct EqualityDeletes {
    let store: any ObjectStore
    let metadata: TableMetadata
    let limits: ReaderLimits
    /// Bytes that keys may take, about.
    let keyBytes: Int
    let mayGoOn: () throws -> Void

    /// Delete files that are looked up together: of the same columns and the same data files.
    private struct Family {
        struct Name: Hashable {
            var ids: [Int]
            /// Nil: of all partitions.
            var partition: PartitionKey?
        }

        var ids: [Int]
        var deletes: [ManifestEntry] = []
        /// Numbers of the data files.
        var targets: [Int] = []
    }

    /// Keys of a family, and the age of the newest delete of each.
    private struct Keys {
        var table = ByteTable()
        var newest: [Int64] = []

        var byteCount: Int { table.byteCount + newest.capacity * 8 }

        mutating func add(_ key: Span<UInt8>, _ sequenceNumber: Int64) {
            let index = table.insert(key)
            if index == newest.count { newest.append(sequenceNumber) } else { newest[index] = max(newest[index], sequenceNumber) }
        }
    }

    func apply(_ files: [DeletedFile], _ masks: inout [RowMask?]) throws {
        for family in families(files) {
            var keys = Keys()
            for delete in family.deletes {
                try forEachKey(of: delete, family.ids) { key in
                    keys.add(key, delete.sequenceNumber ?? 0)
                    guard keys.byteCount > keyBytes else { return }
                    try remove(keys, family, files, &masks)
                    keys = Keys()
                }
            }
            try remove(keys, family, files, &masks)
        }
    }

    private func families(_ files: [DeletedFile]) -> [Family] {
        var (families, numbers, read): ([Family], [Family.Name: Int], Set<ExactPath>) = ([], [:], [])
        for (target, file) in files.enumerated() {
            for delete in file.deletes where delete.file.content == .equalityDeletes {
                let name = name(delete)
                let number = numbers[name] ?? families.count
                if number == families.count {
                    families.append(Family(ids: name.ids))
                    numbers[name] = number
                }
                if read.insert(ExactPath(delete.file.path)).inserted { families[number].deletes.append(delete) }
                if families[number].targets.last != target { families[number].targets.append(target) }
            }
        }
        return families
    }

    private func name(_ delete: ManifestEntry) -> Family.Name {
        let isGlobal = metadata.spec(id: delete.file.specID)?.isUnpartitioned ?? false
        return Family.Name(ids: delete.file.equalityIDs.sorted(), partition: isGlobal ? nil : PartitionKey(delete.file))
    }

    private func forEachKey(of delete: ManifestEntry, _ ids: [Int], _ body: (Span<UInt8>) throws -> Void) throws {
        guard !ids.isEmpty else { throw IcebergError(.malformed, "\(delete.file.path): an equality delete file that names no columns") }
        var key = ByteWriter(capacity: 128)
        try forEachBlock(delete.file, ids, mustHaveAll: true) { columns, rows in
            for row in 0..<rows.count {
                key.removeAll()
                for column in columns { column.append(row, to: &key) }
                try body(key.bytes)
            }
        }
    }

    private func remove(_ keys: Keys, _ family: Family, _ files: [DeletedFile], _ masks: inout [RowMask?]) throws {
        if keys.newest.isEmpty { return }
        var key = ByteWriter(capacity: 128)
        for target in family.targets {
            let written = files[target].data.sequenceNumber ?? 0
            try forEachBlock(files[target].data.file, family.ids) { columns, rows in
                for row in 0..<rows.count {
                    key.removeAll()
                    for column in columns { column.append(row, to: &key) }
                    if let found = keys.table.find(key.bytes), written < keys.newest[found] { masks[target]?.remove(rows.lowerBound + row) }
                }
            }
        }
    }

    private func forEachBlock(
        _ file: DataFile, _ ids: [Int], mustHaveAll: Bool = false, _ body: ([KeyColumn], Range<Int>) throws -> Void
    ) throws {
        let keys = try KeyReader(try TableFile(file, in: store, limits: limits, mayGoOn: mayGoOn), try ids.map(leaf), metadata)
        if mustHaveAll, let name = keys.missing { throw IcebergError(.malformed, "\(file.path): no column \(name), by which it deletes") }
        try keys.forEachBlock(body)
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
