import K2Domain
import K2SQLite

extension SQLiteStateStore {
    public func takeLease(table: String, holder: String, ttl: Int64, now: Timestamp) throws(StateStoreError) -> Lease {
        let lease = try Self.lease(table, holder, ttl, now)
        return try transaction { database throws(StateStoreError) in
            if let current = try Self.current(table, database), current.holder != holder, current.expiresAt > now {
                throw StateStoreError(.leaseHeld, "table \(table): lease is held by \(current.holder) until \(current.expiresAt)", isRetryable: true)
            }
            try Self.store(lease, database)
            return lease
        }
    }

    public func renewLease(table: String, holder: String, ttl: Int64, now: Timestamp) throws(StateStoreError) -> Lease {
        let lease = try Self.lease(table, holder, ttl, now)
        return try transaction { database throws(StateStoreError) in
            guard let current = try Self.current(table, database) else {
                throw StateStoreError(.leaseLost, "table \(table): lease is held by nobody, expected \(holder)")
            }
            guard current.holder == holder else {
                throw StateStoreError(.leaseLost, "table \(table): lease is held by \(current.holder) until \(current.expiresAt), expected \(holder)")
            }
            try Self.store(lease, database)
            return lease
        }
    }

    public func releaseLease(table: String, holder: String) throws(StateStoreError) {
        try Self.sqlite { () throws(SQLiteError) in
            let delete = try database.prepare("DELETE FROM offload_leases WHERE table_name = ? AND holder = ?")
            try delete.bind(table, at: 1)
            try delete.bind(holder, at: 2)
            try delete.runOnce()
        }
    }

    /// - Parameter ttl: microseconds.
    private static func lease(_ table: String, _ holder: String, _ ttl: Int64, _ now: Timestamp) throws(StateStoreError) -> Lease {
        let (end, overflow) = now.microseconds.addingReportingOverflow(ttl)
        guard ttl > 0, !overflow else { throw StateStoreError(.invalidValue, "table \(table): lease of \(ttl) microseconds") }
        return Lease(table: table, holder: holder, expiresAt: Timestamp(microseconds: end))
    }

    public func currentLease(table: String) throws(StateStoreError) -> Lease? { try Self.current(table, database) }

    private static func current(_ table: String, _ database: borrowing SQLiteDatabase) throws(StateStoreError) -> Lease? {
        do throws(SQLiteError) {
            let select = try database.prepare("SELECT holder, expires_at FROM offload_leases WHERE table_name = ?")
            try select.bind(table, at: 1)
            guard try select.step() else { return nil }
            return Lease(table: table, holder: select.text(0), expiresAt: Timestamp(microseconds: select.int64(1)))
        } catch { throw StateStoreError(error) }
    }

    private static func store(_ lease: Lease, _ database: borrowing SQLiteDatabase) throws(StateStoreError) {
        do throws(SQLiteError) {
            let upsert = try database.prepare("INSERT OR REPLACE INTO offload_leases (table_name, holder, expires_at) VALUES (?, ?, ?)")
            try upsert.bind(lease.table, at: 1)
            try upsert.bind(lease.holder, at: 2)
            try upsert.bind(lease.expiresAt.microseconds, at: 3)
            try upsert.runOnce()
        } catch { throw StateStoreError(error) }
    }
}
