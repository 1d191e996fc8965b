import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Rows
import K2StateStore

/// Rows that a repair takes out of one data file.
public struct FileCut: Sendable {
    /// With the delete files by which its rows were looked at.
    public var file: DeletedFile
    /// Row numbers by row group.
    public var rows: [Int: Set<Int>]
    /// The file is not there any more: all of its rows go.
    public var isLost: Bool

    public init(file: DeletedFile, rows: [Int: Set<Int>], isLost: Bool = false) {
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
    /// - Throws: `LakeError` with the code `busy` when a file that is cut is not live any more, or more rows of it were deleted.
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
        var deletes = DeleteReader(store: stores.objects, metadata: table.metadata)
        let masks = try deletes.masks(cuts.map { $0.isLost ? DeletedFile(data: $0.file.data, deletes: []) : $0.file })
        let replaced = try zip(cuts, masks).map { cut, mask in try replacement(cut, mask, shape) }
        return try committer.commit(rows, origin: BatchOrigin(kind: .repair), replacing: TableCommitter.Replacing(files: replaced, prove: prove))
    }

    private func replacement(_ cut: FileCut, _ mask: RowMask?, _ shape: LakeSchema) throws -> GoldRevision.Replacement {
        let (entry, file) = (cut.file.data, cut.file.data.file)
        guard file.specID == shape.spec.specID else {
            throw IcebergError(.unsupported, "\(file.path): written with partition spec \(file.specID), not the table's present one")
        }
        var replacement = GoldRevision.Replacement(
            file: file, sequenceNumber: entry.sequenceNumber, deletes: Set(cut.file.deletes.map(\.file.path)), groups: [])
        if cut.isLost { return replacement }
        let source = try LakeFile(file, in: stores.objects, shape)
        var first = 0
        for group in source.rowGroups {
            let (start, gone) = (first, cut.rows[group] ?? [])
            first += source.rowCount(group)
            replacement.groups.append(
                GoldRevision.RowGroup(
                    columns: { try source.columns(rowGroup: group) },
                    kept: (0..<UInt32(source.rowCount(group))).filter { !gone.contains(Int($0)) && mask?.isLive(start + Int($0)) ?? true }))
        }
        return replacement
    }
}
