import K2Domain
import K2Iceberg
import K2ObjectStore
import K2StateStore

/// Everything outside the process that loading needs: catalog, object store, state store, clock.
public struct LakeStores {
    public let catalog: any Catalog
    public let objects: any ObjectStore
    public let state: any StateStore
    public let environment: CommitEnvironment
    /// Who holds the leases of this run.
    public let holder: String
    /// Whether a holder named in a lease is known to be gone for good.
    public let isGone: (_ holder: String) -> Bool

    public init(
        catalog: any Catalog, objects: any ObjectStore, state: any StateStore, environment: CommitEnvironment,
        holder: String, isGone: @escaping (_ holder: String) -> Bool
    ) {
        self.catalog = catalog
        self.objects = objects
        self.state = state
        self.environment = environment
        self.holder = holder
        self.isGone = isGone
    }

    /// Microseconds, to the millisecond.
    public var now: Timestamp { Timestamp(microseconds: environment.nowMS() * 1_000) }

    /// Time a lease lasts when its holder cannot be asked; renewed with each commit.
    static let leaseTime: Int64 = 600_000_000

    /// Takes the lease of a table; that of a holder known to be gone is taken over.
    public func takeLease(_ table: String) throws(StateStoreError) {
        do throws(StateStoreError) {
            try state.takeLease(table: table, holder: holder, ttl: Self.leaseTime, now: now)
        } catch {
            guard error.code == .leaseHeld, let other = try state.currentLease(table: table)?.holder, isGone(other) else { throw error }
            try state.releaseLease(table: table, holder: other)
            try state.takeLease(table: table, holder: holder, ttl: Self.leaseTime, now: now)
        }
    }

    /// As `renewLease`, when some time has passed since the last time.
    public func renewLease(_ table: String, since last: inout Timestamp) throws(StateStoreError) {
        guard now.microseconds - last.microseconds >= Self.leaseTime / 10 else { return }
        try renewLease(table)
        last = now
    }

    public func renewLease(_ table: String) throws(StateStoreError) {
        try state.renewLease(table: table, holder: holder, ttl: Self.leaseTime, now: now)
    }
}
