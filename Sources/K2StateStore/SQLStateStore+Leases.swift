import K2Domain
import K2SQL

extension SQLStateStore {
    @discardableResult
    public func takeLease(table: String, holder: String, ttl: Int64, now: Timestamp) throws(StateStoreError) -> Lease {
        let lease = try Self.lease(table, holder, ttl, now)
        return try transaction { () throws(StateStoreError) in
            if let current = try currentLease(table: table), current.holder != holder, current.expiresAt > now {
                throw StateStoreError(
                    .leaseHeld, "table \(table): lease is held by \(current.holder) until \(current.expiresAt)", isRetryable: true)
            }
            try store(lease)
            return lease
        }
    }

    @discardableResult
    public func renewLease(table: String, holder: String, ttl: Int64, now: Timestamp) throws(StateStoreError) -> Lease {
        let lease = try Self.lease(table, holder, ttl, now)
        return try transaction { () throws(StateStoreError) in
            guard let current = try currentLease(table: table) else {
                throw StateStoreError(.leaseLost, "table \(table): lease is held by nobody, expected \(holder)")
            }
            guard current.holder == holder else {
                throw StateStoreError(
                    .leaseLost, "table \(table): lease is held by \(current.holder) until \(current.expiresAt), expected \(holder)")
            }
            try store(lease)
            return lease
        }
    }

    public func releaseLease(table: String, holder: String) throws(StateStoreError) {
        try Self.sql { () throws(SQLError) in
            _ = try engine.write("DELETE FROM offload_leases WHERE table_name = ?1 AND holder = ?2", [.text(table), .text(holder)])
        }
    }

    /// - Parameter ttl: microseconds.
    private static func lease(_ table: String, _ holder: String, _ ttl: Int64, _ now: Timestamp) throws(StateStoreError) -> Lease {
        let (end, overflow) = now.microseconds.addingReportingOverflow(ttl)
        guard ttl > 0, !overflow else { throw StateStoreError(.invalidValue, "table \(table): lease of \(ttl) microseconds") }
        return Lease(table: table, holder: holder, expiresAt: Timestamp(microseconds: end))
    }

    public func currentLease(table: String) throws(StateStoreError) -> Lease? {
        try Self.sql { () throws(SQLError) in
            let found = try engine.read("SELECT holder, expires_at FROM offload_leases WHERE table_name = ?1", [.text(table)])
            guard let row = found.first else { return nil }
            return Lease(table: table, holder: try row.text(0), expiresAt: try row.timestamp(1))
        }
    }

    private func store(_ lease: Lease) throws(StateStoreError) {
        try Self.sql { () throws(SQLError) in
            _ = try engine.write(
                """
                INSERT INTO offload_leases (table_name, holder, expires_at) VALUES (?1, ?2, ?3)
                ON CONFLICT (table_name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
                """, [.text(lease.table), .text(lease.holder), .time(lease.expiresAt)])
        }
    }
}
