import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON
import K2Rows

@testable import K2Lake

/// A warm store in memory: rows as records, each with the time at which it came.
final class MemoryWarm: WarmSource {
    struct Row {
        var line: String
        var loadedAt: Int64
        var identity: String
        var eventTime: Int64
        var isFinal: Bool
        var revision: Int64
    }

    private(set) var rows: [String: [Row]] = [:]
    /// Its clock, µs.
    var now: Int64 = 1_771_400_000_000_000
    /// Called before everything that is asked.
    var beforeAsking: () throws -> Void = {}
    var extraColumns: [String] = []
    var missingColumns: Set<String> = []
    /// Rows of the largest selection that was read.
    private(set) var largestRead = 0
    private let blockRows: Int
    private let router = RecordRouter()

    init(blockRows: Int = 7) { self.blockRows = blockRows }

    /// Rows that come together at `time`, by default now.
    func insert(_ lines: [String], at time: Int64? = nil) throws {
        for line in lines {
            var document = JSONDocument()
            let bytes = Array(line.utf8)
            try document.parse(bytes.span)
            let index: Int
            switch try router.route(document, bytes.span).route {
            case .table(let found), .running(let found): index = found
            case .skipped: continue
            }
            let definition = MarketTables.all[index]
            var row = Row(line: line, loadedAt: time ?? now, identity: "", eventTime: 0, isFinal: true, revision: 0)
            row.identity = definition.identity.map { Self.member($0, line) ?? "" }.joined(separator: "|")
            let text = Array((Self.member(definition.timeColumn, line) ?? "").utf8)
            row.eventTime = try Timestamp(rfc3339: text.span).microseconds
            row.isFinal = Self.member("is_final", line) != "false"
            row.revision = Int64(Self.member("revision", line) ?? "0") ?? 0
            rows[definition.coldName, default: []].append(row)
        }
    }

    /// The text of a plain member.
    private static func member(_ name: String, _ line: String) -> String? {
        guard let start = line.firstRange(of: "\"\(name)\":")?.upperBound else { return nil }
        let rest = line[start...]
        return String(rest.hasPrefix("\"") ? rest.dropFirst().prefix { $0 != "\"" } : rest.prefix { $0 != "," && $0 != "}" })
    }

    func clock() throws -> Timestamp {
        try beforeAsking()
        return Timestamp(microseconds: now)
    }

    func columns(of table: TableDefinition) throws -> [String] {
        try beforeAsking()
        return table.columns.map(\.name).filter { !missingColumns.contains($0) } + ["loaded_at"] + extraColumns
    }

    func count(of table: TableDefinition, _ selection: WarmSelection) throws -> Int {
        try beforeAsking()
        return selected(table, selection).count
    }

    func rowBytes(of table: TableDefinition) throws -> Int? {
        try beforeAsking()
        return (rows[table.coldName] ?? []).first?.line.utf8.count
    }

    func counts(of table: TableDefinition, _ selection: WarmSelection, from start: Timestamp, width: Int64) throws -> [(slice: Int64, rows: Int)] {
        try beforeAsking()
        var counts: [Int64: Int] = [:]
        for row in selected(table, selection) { counts[(row.loadedAt - start.microseconds) / width, default: 0] += 1 }
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    func read(
        _ table: TableDefinition, _ selection: WarmSelection, columns: [Int], isFinal: Bool, into buffer: inout RowBuffer,
        _ block: (inout RowBuffer, Range<Int>) throws -> Void
    ) throws {
        try beforeAsking()
        var found = selected(table, selection)
        if isFinal {
            let whole = rows[table.coldName] ?? []
            var last: [String: Int] = [:]
            for (index, row) in whole.enumerated() {
                if let held = last[row.identity], whole[held].revision > row.revision { continue }
                last[row.identity] = index
            }
            let kept = Set(last.values)
            found = whole.indices.filter { kept.contains($0) && matches(whole[$0], selection) }.map { whole[$0] }
        }
        largestRead = max(largestRead, found.count)
        var document = JSONDocument()
        var scratch = ByteWriter(capacity: 4096)
        for start in stride(from: 0, to: found.count, by: blockRows) {
            let before = buffer.rowCount
            for row in found[start..<min(start + blockRows, found.count)] {
                let bytes = Array(row.line.utf8)
                try document.parse(bytes.span)
                buffer.locate(document, bytes.span)
                try buffer.append(document, bytes.span, scratch: &scratch)
            }
            try beforeAsking()
            try block(&buffer, before..<buffer.rowCount)
        }
    }

    private func selected(_ table: TableDefinition, _ selection: WarmSelection) -> [Row] {
        (rows[table.coldName] ?? []).filter { matches($0, selection) }
    }

    private func matches(_ row: Row, _ selection: WarmSelection) -> Bool {
        guard row.isFinal else { return false }
        switch selection.span {
        case .loaded(let after, let through): guard row.loadedAt > after.microseconds, row.loadedAt <= through.microseconds else { return false }
        case .event(let from, let to): guard row.eventTime >= from.microseconds, row.eventTime < to.microseconds else { return false }
        }
        guard let part = selection.part else { return true }
        let bytes = Array(row.identity.utf8)
        return Int(Digest.hash128(bytes.span) % UInt128(part.count)) == part.index
    }
}
