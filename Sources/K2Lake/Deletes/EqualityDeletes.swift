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
        try forEachGroup(delete.file, delete.file.equalityIDs.sorted()) { columns, rows in
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

    private func forEachGroup(_ file: DataFile, _ ids: [Int], _ body: ([KeyColumn], Range<Int>) throws -> Void) throws {
        let opened = try TableFile(file, in: store, limits: limits)
        let keys = try KeyReader(opened, try ids.map(leaf), metadata)
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

/// Reads some leaves of a file as keys.
struct KeyReader {
    private let file: TableFile
    private let leaves: [TableLeaf]
    private let sources: [LeafSource]

    /// - Precondition: no leaf is inside a list or map.
    init(_ file: TableFile, _ leaves: [TableLeaf], _ metadata: TableMetadata) throws {
        self.file = file
        self.leaves = leaves
        var found: [Int: LeafSource] = [:]
        // A leaf that was dropped is in an older schema only.
        for schema in [metadata.currentSchema] + metadata.schemas.reversed() where leaves.contains(where: { found[$0.id] == nil }) {
            let wanted = schema.leaves.filter { leaf in found[leaf.id] == nil && leaves.contains { $0.id == leaf.id } }
            if wanted.isEmpty { continue }
            let columns = TableColumns(try schema.onlyFields(with: Set(wanted.map(\.id))), mapping: try metadata.nameMapping)
            for (leaf, source) in zip(columns.leaves, try file.leaves(columns).sources) { found[leaf.id] = source }
        }
        sources = leaves.map { found[$0.id] ?? .missing(neighbour: nil) }
    }

    /// The keys of all rows of a row group, a column for each leaf.
    func columns(rowGroup: Int) throws -> [KeyColumn] {
        try zip(leaves, sources).map { leaf, source in
            switch source {
            case .missing: return KeyColumn(nulls: file.rows(of: rowGroup).count)
            case .column(let number, let levels, let conversion):
                return try TableFile.naming(file.file) {
                    try KeyColumn(try file.reader.column(number, rowGroup: rowGroup), levels, conversion, leaf)
                }
            }
        }
    }
}

extension Schema {
    /// The schema with only those leaves, and what is above them. What is not asked for cannot be in the way then.
    func onlyFields(with ids: Set<Int>) throws(IcebergError) -> Schema {
        func kept(_ fields: [NestedField]) -> [NestedField] {
            fields.compactMap { field in
                switch field.type {
                case .primitive: return ids.contains(field.id) ? field : nil
                case .structure(let inner):
                    var field = field
                    let inner = kept(inner)
                    field.type = .structure(inner)
                    return inner.isEmpty ? nil : field
                case .list, .map: return nil
                }
            }
        }
        return try Schema(schemaID: schemaID, fields: kept(fields))
    }
}
