import K2Domain
import K2Rows

/// Reads the tables of the warm store.
public final class WarmReader: WarmSource {
    private let client: ClickHouseClient
    private let name: String
    private let compresses: Bool
    private var queries = 0
    /// Columns of all tables, as they were when the first was asked for.
    private var tables: [String: [String]]?

    /// - Parameter name: begins the ids of the queries in the server's log; no other reader may have it.
    public init(_ client: ClickHouseClient, name: String) {
        self.client = client
        self.name = name
        compresses = !client.isLocal
    }

    public func clock() throws -> Timestamp {
        guard let now = try numbers("SELECT toUnixTimestamp64Micro(now64(6, 'UTC'))", width: 1).first else { throw Self.unreadable("clock") }
        return Timestamp(microseconds: now[0])
    }

    public func columns(of table: TableDefinition) throws -> [String] {
        if let known = tables { return known[table.warmName] ?? [] }
        // Of all tables at once: the next one is sure to be asked for.
        var found: [String: [String]] = [:]
        for line in try text("SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position FORMAT TabSeparatedRaw").split(separator: "\n") {
            guard let tab = line.firstIndex(of: "\t") else { throw Self.unreadable("columns") }
            found[String(line[..<tab]), default: []].append(String(line[line.index(after: tab)...]))
        }
        tables = found
        return found[table.warmName] ?? []
    }

    public func count(of table: TableDefinition, _ selection: WarmSelection) throws -> Int {
        guard let count = try numbers("SELECT count() FROM \(selection.source(table))", width: 1).first else { throw Self.unreadable(table.warmName) }
        return Int(count[0])
    }

    public func rowBytes(of table: TableDefinition) throws -> Int? {
        let name = SQLText.literal(table.warmName)
        let sql = "SELECT intDiv(sum(data_uncompressed_bytes), greatest(sum(rows), 1)) FROM system.parts WHERE active AND database = currentDatabase() AND table = \(name)"
        return try numbers(sql, width: 1).first.map { Int($0[0]) }.flatMap { $0 > 0 ? $0 : nil }
    }

    public func counts(
        of table: TableDefinition, _ selection: WarmSelection, from start: Timestamp, width: Int64
    ) throws -> [(slice: Int64, rows: Int)] {
        let slice = "intDiv(toUnixTimestamp64Micro(\(selection.column(table))) - \(start.microseconds), \(width))"
        return try numbers("SELECT \(slice) AS slice, count() FROM \(selection.source(table)) GROUP BY slice ORDER BY slice", width: 2)
            .map { ($0[0], Int($0[1])) }
    }

    public func read(
        _ table: TableDefinition, _ selection: WarmSelection, columns: [Int], isFinal: Bool, into buffer: inout RowBuffer,
        _ block: (inout RowBuffer, Range<Int>) throws -> Void
    ) throws {
        let names = SQLText.identifiers(columns.map { table.columns[$0].name })
        let sql = "SELECT \(names) FROM \(selection.source(table, isFinal: isFinal)) FORMAT Native"
        let stream = try asking { () throws(ClickHouseError) in
            try client.stream(sql, settings: Self.settings, id: nextID(), compressed: compresses)
        }
        defer { stream.close() }
        var rows = NativeRowStream(stream, table, columns: columns)
        while true {
            let before = buffer.rowCount
            do throws(ClickHouseError) { if try rows.readBlock(into: &buffer) == nil { return } } catch { throw WarmSourceError(error) }
            try block(&buffer, before..<buffer.rowCount)
        }
    }

    /// Large blocks, which cost less a row; one row of an identity also where several partitions hold it; and whatever the profile says,
    /// an answer is whole or an error.
    private static let settings = [
        ("preferred_block_size_bytes", "16000000"), ("do_not_merge_across_partitions_select_final", "0"), ("limit", "0"), ("offset", "0"),
        ("timeout_overflow_mode", "throw"), ("read_overflow_mode", "throw"), ("result_overflow_mode", "throw"), ("group_by_overflow_mode", "throw"),
        ("skip_unavailable_shards", "0"), ("fallback_to_stale_replicas_for_distributed_queries", "0"),
    ]

    // MARK: Queries

    private func nextID() -> String {
        queries += 1
        return "\(name)-\(queries)"
    }

    private func asking<R>(_ body: () throws(ClickHouseError) -> R) throws(WarmSourceError) -> R {
        do throws(ClickHouseError) { return try body() } catch { throw WarmSourceError(error) }
    }

    private func text(_ sql: String) throws(WarmSourceError) -> String {
        try asking { () throws(ClickHouseError) in String(decoding: try client.query(sql, settings: Self.settings, id: nextID()), as: UTF8.self) }
    }

    /// The lines of an answer, `width` numbers each.
    private func numbers(_ sql: String, width: Int) throws(WarmSourceError) -> [[Int64]] {
        let text = try text(sql)
        let lines = text.split(separator: "\n").map { $0.split(separator: "\t").compactMap { Int64($0) } }
        guard lines.allSatisfy({ $0.count == width }) else { throw Self.unreadable(ServerException.oneLine(text.prefix(80))) }
        return lines
    }

    private static func unreadable(_ what: String) -> WarmSourceError { WarmSourceError("\(what): expected numbers in the answer", isRetryable: true) }
}

extension WarmSourceError {
    init(_ error: ClickHouseError) { self.init(error.description, isRetryable: error.fault == .temporary || error.fault == .aborted) }
}

extension WarmSelection {
    fileprivate func column(_ table: TableDefinition) -> String {
        switch span {
        case .loaded: SQLText.identifier(ReplacingTable.loadedAt)
        case .event: SQLText.identifier(table.timeColumn)
        }
    }

    /// What follows FROM.
    fileprivate func source(_ table: TableDefinition, isFinal: Bool = false) -> String {
        let column = column(table)
        var conditions: [String] =
            switch span {
            case .loaded(let after, let through): ["\(column) > \(Self.literal(after))", "\(column) <= \(Self.literal(through))"]
            case .event(let from, let to): ["\(column) >= \(Self.literal(from))", "\(column) < \(Self.literal(to))"]
            }
        if !includesRunning, table.column("is_final") != nil { conditions.append("`is_final`") }
        if let part { conditions.append("cityHash64(\(Self.group(table))) % \(part.count) = \(part.index)") }
        return "\(SQLText.identifier(table.warmName))\(isFinal ? " FINAL" : "") WHERE \(conditions.joined(separator: " AND "))"
    }

    /// What rows of one part have in common. Trades with neighbouring ids stay together: what is remembered of them are ranges.
    private static func group(_ table: TableDefinition) -> String {
        guard let sequence = table.column("source_sequence") ?? table.column("sequence_number") else { return SQLText.identifiers(table.identity) }
        let block = "ifNull(toString(intDiv(\(SQLText.identifier(sequence.name)), 65536)), `trade_id`)"
        return SQLText.identifiers(table.identity.filter { $0 != "trade_id" }) + ", " + block
    }

    private static func literal(_ time: Timestamp) -> String { "fromUnixTimestamp64Micro(\(time.microseconds), 'UTC')" }
}
