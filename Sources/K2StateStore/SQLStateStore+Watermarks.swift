import K2Domain
import K2SQL

extension SQLStateStore {
    private static let columns = """
        table_name, last_offload_timestamp, last_offload_max_sequence, last_offload_row_count, status, last_successful_run,
        last_run_duration_seconds, failure_count, last_error_message, server_clock, local_clock, updated_at
        """

    public func watermark(table: String) throws(StateStoreError) -> Watermark? {
        try Self.sql { () throws(SQLError) in
            let found = try engine.read("SELECT \(Self.columns) FROM offload_watermarks WHERE table_name = ?1", [.text(table)])
            guard let row = found.first else { return nil }
            return try Self.watermark(row)
        }
    }

    public func watermarks() throws(StateStoreError) -> [Watermark] {
        try Self.sql { () throws(SQLError) in
            var result: [Watermark] = []
            for row in try engine.read("SELECT \(Self.columns) FROM offload_watermarks ORDER BY table_name") {
                result.append(try Self.watermark(row))
            }
            return result
        }
    }

    private static func watermark(_ row: SQLRow) throws(SQLError) -> Watermark {
        guard let duration = Int64(exactly: (try row.real(6) * 1_000_000).rounded()) else {
            throw SQLError(.failed, "watermark of \(try row.text(0)): not a duration: \(try row.real(6)) s")
        }
        return Watermark(
            table: try row.text(0), position: try row.timestamp(1), maxSequence: try row.optionalInteger(2), rowCount: try row.integer(3),
            status: try row.text(4), lastSuccess: try row.optionalTimestamp(5), lastDuration: duration, failureCount: try row.integer(7),
            lastError: try row.optionalText(8), serverClock: try row.optionalTimestamp(9), localClock: try row.optionalTimestamp(10),
            updatedAt: try row.timestamp(11))
    }

    public func setWatermark(_ watermark: Watermark, allowingRewind: Bool) throws(StateStoreError) {
        try transaction { () throws(StateStoreError) in try store(watermark, allowingRewind: allowingRewind) }
    }

    /// Inside of a transaction: what is compared cannot change before it is written.
    func store(_ watermark: Watermark, allowingRewind: Bool) throws(StateStoreError) {
        if !allowingRewind, let stored = try self.watermark(table: watermark.table)?.position, watermark.position < stored {
            throw StateStoreError(.rewind, "table \(watermark.table): watermark: \(watermark.position) lies before the stored \(stored)")
        }
        try Self.sql { () throws(SQLError) in try upsert(watermark) }
    }

    private func upsert(_ watermark: Watermark) throws(SQLError) {
        try engine.write(
            """
            INSERT INTO offload_watermarks (\(Self.columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
            ON CONFLICT (table_name) DO UPDATE SET last_offload_timestamp = ?2, last_offload_max_sequence = ?3, last_offload_row_count = ?4,
              status = ?5, last_successful_run = ?6, last_run_duration_seconds = ?7, failure_count = ?8, last_error_message = ?9,
              server_clock = ?10, local_clock = ?11, updated_at = ?12
            """,
            [
                .text(watermark.table), .time(watermark.position), .optional(watermark.maxSequence), .integer(watermark.rowCount),
                .text(watermark.status), .optional(watermark.lastSuccess), .real(Double(watermark.lastDuration) / 1_000_000),
                .integer(watermark.failureCount), .words(watermark.lastError), .optional(watermark.serverClock),
                .optional(watermark.localClock), .time(watermark.updatedAt),
            ])
    }
}
