import Glibc
import K2Bytes
import K2CLI
import K2ClickHouse
import K2Compression
import K2Domain
import K2NDJSON
import K2Rows

/// Inserts batches, and finds the rows that ClickHouse refuses.
struct Inserter: ~Copyable {
    /// Counts since the start.
    struct Stats: Equatable {
        var rowsByTable: [String: Int] = [:]
        var batches = 0
        /// Rows that ClickHouse refused.
        var refused = 0
        /// Rows that were older than what their table keeps.
        var expired = 0

        var rows: Int { rowsByTable.values.reduce(0, +) }
    }

    private(set) var stats = Stats()
    private let client: ClickHouseClient
    private let reader: WarmReader
    private let rejects: Rejects
    private let diagnostics: Diagnostics
    private var codec: InsertBatchCodec
    private var ttl: TableTTL?
    private var toldExpired: Set<String> = []
    private var attempts = 0
    /// Refused rows that were reported, by token: a batch may come again.
    private var reported: Set<UInt128> = []
    /// Failures of the first batch in a row by an error whose meaning is not known.
    private var unknownFailures = 0
    /// Refusals since a row was taken.
    private var fruitless = 0

    /// The batch that was begun last and is not done: its token, and when it was tried first, µs of the monotonic clock.
    private var underWay: (token: UInt128, begun: Int64)?
    /// Whether the server may know the token of the batch, or of a part of it, and not have the rows.
    private var isDoubtful = false

    /// So many tries before an unknown error is taken for one of the rows.
    private static let unknownPatience = 5
    /// So many refusals without one row that is taken, and it is not the rows.
    private static let maxFruitless = 256

    /// The first batch is of an earlier process, which may have sent it; when, nobody knows.
    private var hasLeftover: Bool

    private init(
        _ client: ClickHouseClient, _ rejects: Rejects, _ diagnostics: Diagnostics, _ codec: consuming InsertBatchCodec, hasLeftover: Bool
    ) {
        self.hasLeftover = hasLeftover
        reader = WarmReader(client, name: "k2-load-check-\(getpid())-\(WallClock.now().microseconds)")
        self.client = client
        self.rejects = rejects
        self.diagnostics = diagnostics
        self.codec = codec
    }

    /// - Parameter hasLeftover: whether the first batch was in the spool already.
    /// - Throws: when there is no memory for it.
    static func make(_ client: ClickHouseClient, rejects: Rejects, diagnostics: Diagnostics, hasLeftover: Bool) throws(ZstdError) -> Inserter {
        Inserter(client, rejects, diagnostics, try InsertBatchCodec.make(), hasLeftover: hasLeftover)
    }

    /// Inserts a batch, or all rows of it that ClickHouse takes; safe to repeat.
    /// - Throws: when the batch has to come again, or ClickHouse has to be mended first.
    mutating func insert(_ batch: InsertBatch) throws(ClickHouseError) {
        try learnTTL()
        if hasLeftover { underWay = (batch.token, .min / 2) }
        hasLeftover = false
        isDoubtful = try wasServerStartedAnew(since: batch)
        if underWay?.token != batch.token { underWay = (batch.token, MonotonicClock.now()) }
        try insertWhatIsTaken(batch)
        underWay = nil
    }

    private mutating func insertWhatIsTaken(_ batch: InsertBatch) throws(ClickHouseError) {
        do throws(ClickHouseError) {
            try send(batch)
            countExpired(batch)
            unknownFailures = 0
        } catch {
            if error.fault == .rows { return try isolate(batch, error) }
            guard error.fault == .temporary, error.code != 0, !error.isKnown else { throw error }
            unknownFailures += 1
            if unknownFailures < Self.unknownPatience { throw error }
            try isolate(batch, error)
            unknownFailures = 0
        }
    }

    private mutating func learnTTL() throws(ClickHouseError) {
        if ttl != nil { return }
        ttl = TableTTL(answer: String(decoding: try client.query(TableTTL.query), as: UTF8.self))
    }

    private mutating func send(_ batch: InsertBatch) throws(ClickHouseError) {
        try put(batch, token: String(batch.token, radix: 16))
        if isDoubtful { try restoreMissing(batch) }
        fruitless = 0
        stats.rowsByTable[batch.table, default: 0] += batch.rows
        stats.batches += 1
    }

    private mutating func put(_ batch: InsertBatch, token: String) throws(ClickHouseError) {
        attempts += 1
        _ = try client.query(
            "INSERT INTO \(batch.table) (\(batch.columns)) FORMAT Native",
            settings: [
                ("insert_deduplicate", "1"), ("insert_deduplication_token", token), ("deduplicate_blocks_in_dependent_materialized_views", "1"),
                ("async_insert", "0"), ("insert_distributed_sync", "1"), ("max_partitions_per_insert_block", "100"),
                ("input_format_native_allow_types_conversion", "1"),
                // Rows that replace each other are told apart when they are read and merged; sorting them out here as well costs a third.
                ("optimize_on_insert", "0"),
            ],
            id: "k2-load-\(token)-\(WallClock.now().microseconds)-\(attempts)", body: batch.block, encoding: "zstd")
    }

    // MARK: A server that was killed

    /// Whether the batch was tried before, and the server was started anew since then, or may have been: it notes a token before it has the
    /// part, and a kill between the two makes it drop the rows when they come again.
    private func wasServerStartedAnew(since batch: InsertBatch) throws(ClickHouseError) -> Bool {
        guard let underWay, underWay.token == batch.token else { return false }
        let answer = String(decoding: try client.query("SELECT uptime()"), as: UTF8.self)
        let uptime = Int64(answer.prefix { $0.isNumber }) ?? 0
        return uptime <= (MonotonicClock.now() - underWay.begun) / 1_000_000
    }

    /// Sends those rows of a batch again that the server says it has and does not have.
    private mutating func restoreMissing(_ batch: InsertBatch) throws(ClickHouseError) {
        let rows = try rows(of: batch)
        var missing: [UInt32]
        do { missing = try BatchCheck.missing(rows, in: reader) } catch {
            throw ClickHouseError((error as? WarmSourceError)?.isRetryable == false ? .permanent : .temporary, "\(error)")
        }
        if let limit = ttl?.oldest(in: batch.table, now: WallClock.now().microseconds) {
            let times = rows.times
            missing.removeAll { times[Int($0)] < limit }
        }
        if missing.isEmpty { return }
        let part: InsertBatch
        do throws(ZstdError) { part = try codec.encode(rows, rows: missing) } catch { throw ClickHouseError(.temporary, "\(error)") }
        try put(part, token: "\(String(part.token, radix: 16))-\(WallClock.now().microseconds)")
        diagnostics.report("\(batch.table): \(missing.count) rows that ClickHouse had not kept when it was started anew were sent again")
    }

    private mutating func countExpired(_ batch: InsertBatch) {
        let now = WallClock.now().microseconds
        guard let ttl, let limit = ttl.oldest(in: batch.table, now: now), batch.oldest.microseconds < limit, let buffer = try? rows(of: batch)
        else { return }
        let count = ttl.expired(buffer.times, in: batch.table, now: now)
        stats.expired += count
        if count == 0 || !toldExpired.insert(batch.table).inserted { return }
        diagnostics.report(
            "\(batch.table): rows before \(Timestamp(microseconds: limit)) are older than the table keeps: ClickHouse drops them at once")
    }

    private mutating func rows(of batch: InsertBatch) throws(ClickHouseError) -> RowBuffer {
        guard let definition = MarketTables.all.first(where: { $0.warmName == batch.table }) else {
            throw ClickHouseError(.permanent, "spool: a batch of an unknown table, \(batch.table)")
        }
        do throws(NativeBlockError) { return try codec.decode(batch, definition) } catch {
            throw ClickHouseError(.permanent, "spool: \(error)")
        }
    }

    // MARK: Refused rows

    /// What became of the parts of a batch.
    private struct Isolation {
        var accepted = 0
        var refused: [(row: UInt32, error: ClickHouseError)] = []
    }

    /// Halves the batch until the rows that ClickHouse refuses stand alone, and keeps them as dead letters.
    private mutating func isolate(_ batch: InsertBatch, _ error: ClickHouseError) throws(ClickHouseError) {
        let buffer = try rows(of: batch)
        var isolation = Isolation()
        try halve(buffer, error, &isolation)
        for (row, reason) in isolation.refused {
            if !reason.isKnown {
                // One row alone that fails for an unknown reason may be a server that fails.
                if isolation.accepted == 0 { throw reason }
                if try sendPart(buffer, [row][...]) == nil { continue }
            }
            try reject(buffer, row, reason.description)
        }
        reported.removeAll()
    }

    /// The largest parts first, so that good rows are taken early.
    private mutating func halve(_ buffer: RowBuffer, _ error: ClickHouseError, _ isolation: inout Isolation) throws(ClickHouseError) {
        var parts = [(rows: Array(0..<UInt32(buffer.rowCount))[...], error: error)]
        var next = 0
        while next < parts.count {
            let (rows, error) = parts[next]
            next += 1
            if isolation.accepted == 0 { try countFruitless(error) }
            if rows.count == 1 {
                isolation.refused.append((rows[rows.startIndex], error))
                continue
            }
            let middle = rows.startIndex + rows.count / 2
            for part in [rows[..<middle], rows[middle...]] {
                if let error = try sendPart(buffer, part) { parts.append((part, error)) } else { isolation.accepted += part.count }
            }
        }
    }

    private mutating func countFruitless(_ error: ClickHouseError) throws(ClickHouseError) {
        fruitless += 1
        guard fruitless > Self.maxFruitless else { return }
        throw ClickHouseError(error.isKnown ? .permanent : .temporary, code: error.code, "\(error.description); all rows are refused")
    }

    /// - Returns: why these rows were refused; nil when they were taken.
    private mutating func sendPart(_ buffer: RowBuffer, _ rows: ArraySlice<UInt32>) throws(ClickHouseError) -> ClickHouseError? {
        let batch = try encode(buffer, Array(rows))
        do throws(ClickHouseError) {
            try send(batch)
        } catch {
            guard error.fault == .rows || error.fault == .temporary && error.code != 0 && !error.isKnown else { throw error }
            return error
        }
        countExpired(batch)
        return nil
    }

    private mutating func encode(_ buffer: RowBuffer, _ rows: [UInt32]) throws(ClickHouseError) -> InsertBatch {
        do throws(ZstdError) { return try codec.encode(buffer, rows: rows) } catch { throw ClickHouseError(.temporary, "\(error)") }
    }

    private mutating func reject(_ buffer: RowBuffer, _ row: UInt32, _ reason: String) throws(ClickHouseError) {
        let token = try encode(buffer, [row]).token
        if !reported.insert(token).inserted { return }
        var record = ByteWriter(capacity: 1024)
        RecordText.write(buffer, row: Int(row), to: &record)
        do throws(StreamError) { try rejects.add(line: 0, reason: reason, input: record.bytes) } catch {
            reported.remove(token)
            throw ClickHouseError(.temporary, "\(error)")
        }
        stats.refused += 1
    }
}
