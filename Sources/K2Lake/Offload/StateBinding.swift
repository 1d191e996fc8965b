import K2Domain
import K2Iceberg
import K2StateStore

/// Keeps what the state store knows to the table that the catalog has: a table that was dropped and made anew, or that of another
/// catalog, has the name and not the rows.
struct StateBinding {
    let stores: LakeStores
    let definition: TableDefinition

    private var name: String { definition.coldName }

    /// What a run does first: forgets another table's state, and settles what is open of this one.
    /// - Returns: what was found, a line each.
    /// - Precondition: the caller has the table's lease.
    func settle() throws -> [String] {
        let table = try stores.catalog.findTable(TableIdentifier(LakeSchema.namespace, name))
        let forgotten = try forgetOther(table?.metadata.tableUUID)
        return try [forgotten].compactMap { $0 } + IntentReconciler(stores: stores, definition: definition).run()
    }

    /// - Parameter uuid: of the table that the catalog has under the name; nil when it has none.
    private func forgetOther(_ uuid: String?) throws -> String? {
        guard let bound = try stores.state.boundTable(name), bound != SQLStateStore.forgotten, bound != uuid else { return nil }
        let run = RunRecord(table: name, startedAt: stores.now, endedAt: stores.now, status: "forgotten", error: "table \(bound) is \(uuid ?? "gone")")
        try stores.state.forgetTable(name, run: run)
        return "\(name): \(uuid == nil ? "the table is gone" : "the table is another one"): what the state store knew of table \(bound) is forgotten"
    }

    /// Whether the state store has been told what the table holds.
    func isKnown(_ table: Table) throws -> Bool {
        switch try stores.state.boundTable(name) {
        case table.metadata.tableUUID: true
        // It was made by a version that kept to names.
        case nil: try stores.state.watermark(table: name) != nil || hasSeen(table)
        default: false
        }
    }

    func bind(_ table: Table) throws(StateStoreError) {
        if try stores.state.boundTable(name) != table.metadata.tableUUID { try stores.state.bindTable(name, uuid: table.metadata.tableUUID) }
    }

    /// Whether there was ever a commit. An empty table needs nobody who knows it.
    private func hasSeen(_ table: Table) throws -> Bool {
        guard let snapshot = table.metadata.currentSnapshot, snapshot.summary["total-records"] != "0" else { return true }
        if try !stores.state.loadedRanges(table: name).isEmpty { return true }
        let telling: Set<String> = ["committed", "adopted"]
        return try stores.state.runs(table: name, limit: Self.runsLookedAt).contains { telling.contains($0.status) }
    }

    private static let runsLookedAt = 10_000
}
