import K2Bytes
import K2Domain
import K2Iceberg
import K2JSON
import K2NDJSON
import K2ObjectStore
import K2Rows
import K2StateStore

/// Counts of one load.
public struct LoadStats: Equatable, Sendable {
    public var lines = 0
    /// Rows that the lake had already.
    public var duplicates = 0
    /// Running candles, which do not go cold.
    public var running = 0
    /// Records of kinds that are not stored.
    public var skipped = 0
    public var rejected = 0
}

/// Brings a stream of records into the lake: one table per kind, committed in batches.
///
/// Each table's lease is taken with its first row, its open intents are settled then, and rows that
/// the table has already are left out: loading the same stream again adds nothing.
public struct LakeLoader: ~Copyable {
    private let stores: LakeStores
    private let router = RecordRouter()
    private var tables: [LakeTable?]
    private let only: Set<String>?
    private var document = JSONDocument()
    private var scratch = ByteWriter(capacity: 4096)
    private var scan = TradeScan()
    public private(set) var stats = LoadStats()
    /// What reconciling found, a line each; the caller prints and removes them.
    public var notices: [String] = []
    /// Rows read since the last commit, duplicates left out.
    public private(set) var waitingRows = 0

    /// - Parameter only: names of the tables to fill (cold names); all when nil.
    public init(_ stores: LakeStores, only: Set<String>?) {
        self.stores = stores
        self.only = only
        tables = Array(repeating: nil, count: MarketTables.all.count)
    }

    /// Bytes held in buffers, about.
    public var waitingBytes: Int {
        var total = 0
        for index in tables.indices { total += tables[index]?.buffer.byteCount ?? 0 }
        return total
    }

    /// Adds one line. `RecordError` and `JSONError` mean that the line is refused; other errors are fatal.
    public mutating func add(_ line: Span<UInt8>) throws {
        stats.lines += 1
        if try addCanonical(line) { return }
        do {
            try document.parse(line)
            let (route, exchange) = try router.route(document, line)
            switch route {
            case .skipped: stats.skipped += 1
            case .running: stats.running += 1
            case .table(let index): try add(line, line.part(exchange), to: index)
            }
        } catch let error as RecordError {
            stats.rejected += 1
            throw error
        } catch let error as JSONError {
            stats.rejected += 1
            throw error
        }
    }

    /// Adds a trade line in the form in which `TradeLine` writes it; false when it is anything else.
    private mutating func addCanonical(_ line: Span<UInt8>) throws -> Bool {
        guard scan.scan(line), Exchange(line.part(scan[.exchange])) != nil else { return false }
        let index = router.silver
        if let only, !only.contains(MarketTables.all[index].coldName) { return false }
        if tables[index] == nil { try open(index) }
        let before = (rows: tables[index]!.buffer.rowCount, duplicates: tables[index]!.duplicates)
        defer { count(since: before, in: index) }
        return try tables[index]!.add(scan, line, scratch: &scratch)
    }

    public mutating func countRefused() {
        stats.lines += 1
        stats.rejected += 1
    }

    private mutating func add(_ line: Span<UInt8>, _ exchange: Span<UInt8>, to index: Int) throws {
        if let only, !only.contains(MarketTables.all[index].coldName) {
            stats.skipped += 1
            return
        }
        if tables[index] == nil { try open(index) }
        let before = (rows: tables[index]!.buffer.rowCount, duplicates: tables[index]!.duplicates)
        defer { count(since: before, in: index) }
        do {
            try tables[index]!.add(exchange, document, line, scratch: &scratch)
        } catch let error as StateStoreError {
            throw LakeError(error, table: MarketTables.all[index].coldName)
        }
    }

    private mutating func count(since before: (rows: Int, duplicates: Int), in index: Int) {
        stats.duplicates += tables[index]!.duplicates - before.duplicates
        waitingRows += tables[index]!.buffer.rowCount - before.rows
    }

    private mutating func open(_ index: Int) throws {
        let definition = MarketTables.all[index]
        let stores = stores
        let (table, found) = try LakeError.naming(definition.coldName) {
            try stores.takeLease(definition.coldName)
            do {
                // Better to say now than after the first batch that the table cannot be written to.
                try TableCommitter(stores: stores, definition: definition).checkTable()
                // First: what a killed run had committed is among the rows that the table has.
                var found = try StateBinding(stores: stores, definition: definition).settle()
                if let existing = try stores.catalog.findTable(try LakeSchema(definition).identifier),
                    let line = try LakeMemory(stores: stores, definition: definition).catchUp(existing)
                {
                    found.append(line)
                }
                return (try LakeTable(LakeSchema(definition), state: stores.state), found)
            } catch {
                try? stores.state.releaseLease(table: definition.coldName, holder: stores.holder)
                throw error
            }
        }
        tables[index] = table
        notices += found
    }

    /// Commits all waiting rows, a snapshot per table. Tables that were committed stay so when a later one fails.
    public mutating func commit() throws -> [CommitReport] {
        var reports: [CommitReport] = []
        for index in tables.indices where tables[index] != nil {
            let name = MarketTables.all[index].coldName
            try LakeError.naming(name) {
                if tables[index]!.buffer.liveCount > 0 {
                    try stores.renewLease(name)
                    let committer = TableCommitter(stores: stores, definition: MarketTables.all[index])
                    if let report = try committer.commit(tables[index]!) {
                        reports.append(report)
                    } else {
                        stats.duplicates += tables[index]!.buffer.liveCount
                    }
                }
                tables[index]!.startBatch()
            }
        }
        waitingRows = 0
        return reports
    }

    /// Gives the leases back.
    public mutating func close() throws {
        for index in tables.indices where tables[index] != nil {
            try stores.state.releaseLease(table: MarketTables.all[index].coldName, holder: stores.holder)
        }
    }
}
