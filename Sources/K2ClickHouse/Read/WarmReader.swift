import K2Domain
import K2Rows

/// Reads the tables of the warm store.
public final class WarmReader: WarmSource {
    private let queries: WarmQueries
    /// Columns of all tables, as they were when the first was asked for.
    private var tables: [String: [String]]?

    /// - Parameter name: begins the ids of the queries in the server's log; no other reader may have it.
    public init(_ client: ClickHouseClient, name: String) { queries = WarmQueries(client, name: name) }

    public func clock() throws -> Timestamp {
        guard let now = try queries.numbers("SELECT toUnixTimestamp64Micro(now64(6, 'UTC'))", width: 1).first else { throw WarmQueries.unreadable("clock") }
        return Timestamp(microseconds: now[0])
    }

    public func columns(of table: TableDefinition) throws -> [String] {
        if let known = tables { return known[table.warmName] ?? [] }
        // Of all tables at once: the next one is sure to be asked for.
        var found: [String: [String]] = [:]
        for line in try queries.text("SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position FORMAT TabSeparatedRaw").split(separator: "\n") {
            guard let tab = line.firstIndex(of: "\t") else { throw WarmQueries.unreadable("columns") }
            found[String(line[..<tab]), default: []].append(String(line[line.index(after: tab)...]))
        }
        tables = found
        return found[table.warmName] ?? []
    }

    public func count(of table: TableDefinition, _ selection: WarmSelection) throws -> Int {
        guard let count = try queries.numbers("SELECT count() FROM \(selection.source(table))", width: 1).first else { throw WarmQueries.unreadable(table.warmName) }
        return Int(count[0])
    }

    public func rowBytes(of table: TableDefinition) throws -> Int? {
        let name = SQLText.literal(table.warmName)
        let sql = "SELECT intDiv(sum(data_uncompressed_bytes), greatest(sum(rows), 1)) FROM system.parts WHERE active AND database = currentDatabase() AND table = \(name)"
        return try queries.numbers(sql, width: 1).first.map { Int($0[0]) }.flatMap { $0 > 0 ? $0 : nil }
    }

    public func counts(
        of table: TableDefinition, _ selection: WarmSelection, from start: Timestamp, width: Int64
    ) throws -> [(slice: Int64, rows: Int)] {
        let slice = "intDiv(toUnixTimestamp64Micro(\(selection.column(table))) - \(start.microseconds), \(width))"
        return try queries.numbers("SELECT \(slice) AS slice, count() FROM \(selection.source(table)) GROUP BY slice ORDER BY slice", width: 2)
            .map { ($0[0], Int($0[1])) }
    }

    public func read(
        _ table: TableDefinition, _ selection: WarmSelection, columns: [Int], isFinal: Bool, into buffer: inout RowBuffer,
        _ block: (inout RowBuffer, Range<Int>) throws -> Void
    ) throws {
        let names = SQLText.identifiers(columns.map { table.columns[$0].name })
        let sql = "SELECT \(names) FROM \(selection.source(table, isFinal: isFinal)) FORMAT Native"
        let stream = try queries.stream(sql)
        defer { stream.close() }
        var rows = NativeRowStream(stream, table, columns: columns)
        while true {
            let before = buffer.rowCount
            do throws(ClickHouseError) { if try rows.readBlock(into: &buffer) == nil { return } } catch { throw WarmSourceError(error) }
            try block(&buffer, before..<buffer.rowCount)
        }
    }
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
            case .loaded(let after, let through): ["\(column) > \(SQLText.time(after))", "\(column) <= \(SQLText.time(through))"]
            case .event(let from, let to): ["\(column) >= \(SQLText.time(from))", "\(column) < \(SQLText.time(to))"]
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
}
