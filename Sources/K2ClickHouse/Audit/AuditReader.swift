import K2Domain
import K2Rows

/// The sums of one hour's rows of one age.
public struct WarmHour: Equatable, Sendable {
    /// Hours since 1970.
    public var hour: Int64
    public var age: WarmAge
    public var sums: AuditSums

    public init(hour: Int64, age: WarmAge, sums: AuditSums) {
        self.hour = hour
        self.age = age
        self.sums = sums
    }
}

/// What identifies a row and what it holds, as hashes.
public struct WarmPrint: Equatable, Sendable {
    /// `RowHash` over the columns of the identity, and over all that are compared.
    public var identity: UInt64
    public var row: UInt64
    /// µs.
    public var time: Int64
    public var age: WarmAge

    public init(identity: UInt64, row: UInt64, time: Int64, age: WarmAge) {
        self.identity = identity
        self.row = row
        self.time = time
        self.age = age
    }
}

/// How long the warm store keeps rows.
public enum WarmKeeping: Equatable, Sendable {
    case always
    /// A row may be gone so many days after its time.
    case days(Int64)
    /// There is a TTL that is not understood.
    case unknown(String)

    /// The time before which a row may be gone.
    public func cutoff(at clock: Timestamp) -> Timestamp {
        switch self {
        case .always: AuditSource.earliest
        // A second for the time's fraction, which the TTL does not count.
        case .days(let days): Timestamp(microseconds: clock.microseconds - days * Timestamp.microsecondsPerDay + 1_000_000)
        case .unknown: AuditSource.latest
        }
    }
}

/// Asks the warm store for what an audit compares. All functions throw `WarmSourceError`. One thread at a time.
public final class AuditReader {
    private let queries: WarmQueries

    /// - Parameter name: begins the ids of the queries in the server's log; no other reader may have it.
    public init(_ client: ClickHouseClient, name: String) { queries = WarmQueries(client, name: name) }

    /// The server's clock.
    public func clock() throws -> Timestamp {
        guard let now = try queries.numbers("SELECT toUnixTimestamp64Micro(now64(6, 'UTC'))", width: 1).first else {
            throw WarmQueries.unreadable("clock")
        }
        return Timestamp(microseconds: now[0])
    }

    /// Why a table cannot be compared; nil when it can.
    public func refusal(_ table: TableDefinition) throws -> String? {
        let found = try columns(of: table)
        if found.isEmpty { return "ClickHouse has no table \(table.warmName)" }
        for column in table.columns {
            guard let type = found[column.name] else { return "column \(column.name) is missing in ClickHouse's \(table.warmName)" }
            guard type == ClickHouseType.of(column) || type == ClickHouseType.plain(column) else {
                return "column \(column.name) of ClickHouse's \(table.warmName): found \(type), expected \(ClickHouseType.of(column))"
            }
        }
        if found[ReplacingTable.loadedAt] == nil { return "column \(ReplacingTable.loadedAt) is missing in ClickHouse's \(table.warmName)" }
        if let seconds = try delay(of: table), seconds > Self.longestDelay { return "ClickHouse's replica of \(table.warmName) is \(seconds) s behind" }
        return try probe()
    }

    /// Seconds of replication.
    private static let longestDelay: Int64 = 60

    private func columns(of table: TableDefinition) throws -> [String: String] {
        let name = SQLText.literal(table.warmName)
        let text = try queries.text(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = \(name) FORMAT TabSeparatedRaw")
        let pairs = text.split(separator: "\n").map { $0.split(separator: "\t", maxSplits: 1).map(String.init) }
        return Dictionary(pairs.filter { $0.count == 2 }.map { ($0[0], $0[1]) }) { first, _ in first }
    }

    private func delay(of table: TableDefinition) throws -> Int64? {
        try queries.numbers(
            """
            SELECT max(absolute_delay) FROM system.replicas
            WHERE database = currentDatabase() AND table IN (\(SQLText.literal(table.warmName)), \(SQLText.literal("\(table.warmName)_local")))
            """, width: 1
        ).first?[0]
    }

    /// Whether the server's functions come to other hashes than ours; nil when all is well.
    private func probe() throws -> String? {
        let found = try queries.numbers("SELECT \(HashProbe.all.map(\.sql).joined(separator: ", "))", width: HashProbe.all.count, as: UInt64.self)
        for (probe, value) in zip(HashProbe.all, found.first ?? []) where value != probe.hash {
            return "ClickHouse hashes otherwise: \(probe.sql) is \(value), expected \(probe.hash)"
        }
        return found.count == 1 ? nil : "ClickHouse does not answer what its hash functions give"
    }

    /// How long a table keeps its rows.
    public func keeping(_ table: TableDefinition) throws -> WarmKeeping {
        let names = "(\(SQLText.literal(table.warmName)), \(SQLText.literal("\(table.warmName)_local")))"
        let engines = try queries.text(
            """
            SELECT replaceAll(engine_full, '\\n', ' ') FROM system.tables
            WHERE database = currentDatabase() AND name IN \(names) AND engine != 'Distributed' FORMAT TabSeparatedRaw
            """)
        return WarmKeeping(engine: engines.split(separator: "\n").first ?? "", time: table.timeColumn)
    }

    /// The number of rows. That there is none is an answer of its own here: of no row, `hours` has none.
    public func count(_ source: AuditSource) throws -> Int64 {
        let found = try queries.numbers("SELECT count() FROM (\(source.query))", width: 1)
        guard found.count == 1 else { throw WarmQueries.unreadable(source.name) }
        return found[0][0]
    }

    /// The sums of the rows of each hour and age.
    public func hours(_ source: AuditSource) throws -> [WarmHour] {
        let measures = AuditSums.measured(source.columns)
        let lines = try queries.text(HourQuery(source).sql).split(separator: "\n")
        return try lines.map { line in
            guard let hour = WarmHour(line, measures: measures.count) else { throw WarmQueries.unreadable(source.name) }
            return hour
        }
    }

    /// The hashes of the rows of some hours, in any order.
    /// - Parameters:
    ///   - part: a share of the rows, by their identity; nil for all.
    ///   - body: called with some rows at a time; what it throws is passed on.
    public func prints(_ source: AuditSource, hours: [Int64], part: (index: Int, count: Int)? = nil, _ body: ([WarmPrint]) throws -> Void) throws {
        let stream = try queries.stream(PrintQuery(source, hours, part).sql)
        defer { stream.close() }
        var numbers = NativeNumberStream(stream, columns: PrintQuery.columns)
        while let block = try Self.asking({ () throws(ClickHouseError) in try numbers.next() }) {
            try body(
                block[0].indices.map { row in
                    WarmPrint(
                        identity: block[0][row], row: block[1][row], time: Int64(bitPattern: block[2][row]),
                        age: WarmAge(rawValue: block[3][row]) ?? .new)
                })
        }
    }

    /// Appends the rows whose identities have the hashes `identities` to `buffer`, block by block; columns that are not compared become null.
    public func rows(
        _ source: AuditSource, of table: TableDefinition, identities: [UInt64], into buffer: inout RowBuffer,
        _ block: (inout RowBuffer, Range<Int>) throws -> Void = { _, _ in }
    ) throws {
        let columns = source.columns.compactMap { table.index(of: $0.name) }
        let stream = try queries.stream(RowQuery(source, identities).sql)
        defer { stream.close() }
        var rows = NativeRowStream(stream, table, columns: columns)
        while true {
            let before = buffer.rowCount
            guard try Self.asking({ () throws(ClickHouseError) in try rows.readBlock(into: &buffer) }) != nil else { return }
            try block(&buffer, before..<buffer.rowCount)
        }
    }

    private static func asking<R>(_ body: () throws(ClickHouseError) -> R) throws(WarmSourceError) -> R {
        do throws(ClickHouseError) { return try body() } catch { throw WarmSourceError(error) }
    }
}
