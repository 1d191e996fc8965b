import K2Domain
import K2Lake
import K2StateStore

/// Keeps two maintenance runs of one table apart. It is a lease of its own beside the one that loads take, so that a compaction of minutes does not
/// hold loading back: what both change at once is settled by the catalog.
public final class MaintenanceLease {
    private let table: String
    private let stores: LakeStores
    private var renewedAt: Timestamp

    /// The name under which the lease of `table` stands in the state store.
    public static func name(_ table: String) -> String { "maintain:\(table)" }

    /// Takes the lease; that of a holder that is gone, or that ran out, is taken over.
    /// - Throws: `StateStoreError` with the code `leaseHeld` when another run has it.
    public init(_ table: String, _ stores: LakeStores) throws(StateStoreError) {
        self.table = table
        self.stores = stores
        try stores.takeLease(Self.name(table))
        renewedAt = stores.now
    }

    /// Keeps the lease; asks the state store only when a minute has passed, so it may be called often.
    /// - Throws: `leaseLost` when another run has taken it since: this one must stop.
    public func renew() throws(StateStoreError) { try stores.renewLease(Self.name(table), since: &renewedAt) }

    /// Closes the intents that dead runs, or earlier tries of this one, left open: whoever has the lease is the only one at work, and has just begun.
    /// Nothing is deleted: their files are live, or the search for orphans finds them when they are old.
    public func closeDeadIntents() throws(StateStoreError) {
        for intent in try stores.state.maintenanceIntents(table: table) { try stores.state.closeMaintenance(id: intent.id) }
    }

    /// Gives the lease back. Failing to is no error: it runs out.
    public func release() { try? stores.state.releaseLease(table: Self.name(table), holder: stores.holder) }
}
