import K2ClickHouse

/// How long the tables keep rows, as ClickHouse says: it drops a row that is older the moment it is inserted, and says nothing.
struct TableTTL: Equatable {
    /// Seconds by table; a table without an entry keeps its rows, or says so in a way that is not understood.
    private(set) var seconds: [String: Int64] = [:]

    static let query = "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() FORMAT TabSeparated"

    /// - Parameter answer: rows of `query`.
    init(answer: String) {
        for line in answer.split(separator: "\n") {
            let fields = line.split(separator: "\t", maxSplits: 1)
            guard fields.count == 2, let found = Self.parse(fields[1]) else { continue }
            seconds[String(fields[0])] = found
        }
        // The rows of a distributed table are in its local ones.
        for (name, found) in seconds where name.hasSuffix("_local") { seconds[String(name.dropLast(6))] = found }
    }

    init() {}

    /// Seconds of `… TTL toDateTime(column) + toIntervalDay(7) …`; nil when there is no such clause.
    static func parse(_ engine: Substring) -> Int64? {
        guard let clause = engine.firstRange(of: " TTL ") else { return nil }
        let rest = engine[clause.upperBound...]
        guard let interval = rest.firstRange(of: "toInterval") else { return nil }
        let unit = rest[interval.upperBound...].prefix { $0.isLetter }
        let number = rest[unit.endIndex...].dropFirst().prefix { $0.isNumber }
        guard let count = Int64(number), let width = units[String(unit)] else { return nil }
        return count.multipliedReportingOverflow(by: width).overflow ? nil : count * width
    }

    /// Months and years at their shortest: a row counts as expired only when it surely is.
    private static let units: [String: Int64] = [
        "Second": 1, "Minute": 60, "Hour": 3_600, "Day": 86_400, "Week": 604_800, "Month": 31 * 86_400, "Quarter": 92 * 86_400, "Year": 366 * 86_400,
    ]

    /// How many of these times are too old for a table at `now`; all in µs since 1970.
    func expired(_ times: [Int64], in table: String, now: Int64) -> Int {
        guard let limit = oldest(in: table, now: now) else { return 0 }
        return times.count { $0 < limit }
    }

    /// Rows before this time are dropped; µs since 1970.
    func oldest(in table: String, now: Int64) -> Int64? {
        seconds[table].map { ttl in (now / 1_000_000 - ttl + 1) * 1_000_000 }
    }
}
