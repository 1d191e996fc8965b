import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Rows
import K2StateStore

/// Rows that a repair takes out of one data file.
public struct FileCut: Sendable {
    public var file: DataFile
    /// Row numbers by row group.
    public var rows: [Int: Set<Int>]
    /// The file is not there any more: all of its rows go.
    public var isLost: Bool

    public init(file: DataFile, rows: [Int: Set<Int>], isLost: Bool = false) {
        self.file = file
        self.rows = rows
        self.isLost = isLost
    }
}

/// Brings a table to what an audit says it should be: adds rows, and writes files anew without others, in one commit.
///
/// It does so as a load: under the table's lease of loads, with an intent, exactly once. While it has the lease, nothing of K2 adds rows.
public final class LakeRepair {
    private let stores: LakeStores
    private let definition: TableDefinition
    private let committer: TableCommitter

    private var name: String { definition.coldName }

    /// Takes the lease and settles what earlier runs left open; `note` is told about that.
    /// - Throws: `StateStoreError` with the code `leaseHeld` when a load has the table.
    public init(_ definition: TableDefinition, _ stores: LakeStores, targetFileSize: Int, note: (String) -> Void) throws {
        self.stores = stores
        self.definition = definition
        committer = TableCommitter(stores: stores, definition: definition, targetFileSize: targetFileSize)
        try stores.takeLease(name)
        do {
            for line in try StateBinding(stores: stores, definition: definition).settle() { note(line) }
            if let line = try LakeMemory(stores: stores, definition: definition).catchUp(try committer.openTable()) { note(line) }
        } catch {
            end()
            throw error
        }
    }

    /// Whether a repair of the table has not been settled: it is at work, or was killed.
    public static func isOpen(_ definition: TableDefinition, _ stores: LakeStores) throws(StateStoreError) -> Bool {
        try stores.state.openIntents(table: definition.coldName).contains { $0.kind == BatchKind.repair.rawValue }
    }

    public func end() { try? stores.state.releaseLease(table: name, holder: stores.holder) }

    /// Commits.
    /// - Parameters:
    ///   - added: whole rows that no data file has, beside those that are cut.
    ///   - cuts: at most one for each file.
    ///   - prove: gets the table and the files that were written; unless it returns, nothing is committed.
    /// - Returns: what was committed; nil when there was nothing to do.
    /// - Throws: `validation` when a file that is cut is not live any more.
    public func commit(
        added: RowBuffer, cuts: [FileCut], prove: @escaping (TableMetadata, LakeSchema, [DataFile]) throws -> Void
    ) throws -> CommitReport? {
        if added.rowCount == 0, cuts.isEmpty { return nil }
        try stores.renewLease(name)
        let table = try committer.openTable()
        let shape = try LakeSchema(definition, of: table.metadata)
        for field in table.metadata.currentSchema.fields where definition.column(field.name) == nil {
            throw IcebergError(.unsupported, "column \(field.name) is not known here: rewriting a file would lose it")
        }
        var rows = LakeTable(shape, ledger: IdentityLedger(table: name))
        var buffer = added
        try rows.judge(0..<buffer.rowCount, of: &buffer)
        rows.buffer = buffer
        let live = Dictionary(
            try TableFiles(metadata: table.metadata, store: stores.objects).liveEntries(.data).map { ($0.file.path, $0.sequenceNumber) }) { first, _ in first }
        let replaced = try cuts.map { cut in
            guard let sequenceNumber = live[cut.file.path] else { throw IcebergError(.validation, "\(cut.file.path) is not in the table any more") }
            return try replacement(cut, sequenceNumber, shape)
        }
        return try committer.commit(rows, origin: BatchOrigin(kind: .repair), replacing: TableCommitter.Replacing(files: replaced, prove: prove))
    }

    /// Files with delete files are not cut: rows that are deleted would come back.
    private func replacement(_ cut: FileCut, _ sequenceNumber: Int64?, _ shape: LakeSchema) throws -> GoldRevision.Replacement {
        guard cut.file.specID == shape.spec.specID else {
            throw IcebergError(.unsupported, "\(cut.file.path): written with partition spec \(cut.file.specID), not the table's present one")
        }
        if cut.isLost { return GoldRevision.Replacement(file: cut.file, sequenceNumber: sequenceNumber, deletes: [], groups: []) }
        let source = try LakeFile(cut.file, in: stores.objects, shape)
        let groups = source.rowGroups.map { group in
            let gone = cut.rows[group] ?? []
            return GoldRevision.RowGroup(
                columns: { [definition] in try definition.columns.indices.map { try source.column($0, rowGroup: group) } },
                kept: (0..<UInt32(source.rowCount(group))).filter { !gone.contains(Int($0)) })
        }
        return GoldRevision.Replacement(file: cut.file, sequenceNumber: sequenceNumber, deletes: [], groups: groups)
    }
}
