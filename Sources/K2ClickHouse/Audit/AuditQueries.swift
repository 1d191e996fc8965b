import K2Domain

/// Asks for the sums of the rows of each hour and age.
struct HourQuery {
    let sql: String

    init(_ source: AuditSource) {
        let time = AuditSQL.time(source)
        let measures = AuditSums.measured(source.columns).map { column in
            let number = RowHashSQL.number(SQLText.identifier(column.name))
            return "sum(\(number)), min(\(number)), max(\(number))"
        }
        let results = ["count()", "sum(`hash`)", "sum(intHash64(`hash`))"] + measures + ["min(\(time))", "max(\(time))"]
        sql = """
            SELECT \(AuditSQL.hour(source)) AS `hour`, `age`, \(results.joined(separator: ", "))
            FROM (SELECT *, \(RowHashSQL.row(source.columns)) AS `hash` FROM (\(source.query)))
            GROUP BY `hour`, `age`
            FORMAT TabSeparated
            """
    }
}

/// Asks for the hashes of single rows.
struct PrintQuery {
    static let columns = [("identity", "UInt64"), ("row", "UInt64"), ("at", "Int64"), ("age", "UInt64")]

    let sql: String

    init(_ source: AuditSource, _ hours: [Int64], _ part: (index: Int, count: Int)?) {
        let list = hours.map { String($0) }.joined(separator: ", ")
        let share = part.map { " AND `identity` % \($0.count) = \($0.index)" } ?? ""
        sql = """
            SELECT `identity`, `row`, `at`, `age`
            FROM
            (
                SELECT \(AuditSQL.identity(source)) AS `identity`, \(RowHashSQL.row(source.columns)) AS `row`, \(AuditSQL.time(source)) AS `at`, `age`
                FROM (\(source.query))
                WHERE \(AuditSQL.hour(source)) IN (\(list))
            )
            WHERE true\(share)
            FORMAT Native
            """
    }
}

/// Asks for rows by the hashes of their identities.
struct RowQuery {
    let sql: String

    init(_ source: AuditSource, _ identities: [UInt64]) {
        let list = identities.map { String($0) }.joined(separator: ", ")
        sql = """
            SELECT \(SQLText.identifiers(source.columns.map(\.name)))
            FROM (\(source.query))
            WHERE \(AuditSQL.identity(source)) IN (\(list))
            FORMAT Native
            """
    }
}

enum AuditSQL {
    /// µs.
    static func time(_ source: AuditSource) -> String { "toUnixTimestamp64Micro(\(SQLText.identifier(source.time)))" }

    /// Hours since 1970; division rounds towards zero, so it counts from the earliest time of ClickHouse.
    static func hour(_ source: AuditSource) -> String {
        let hours = AuditHour.of(AuditSource.earliest.microseconds)
        return "intDiv(\(time(source)) + \(-AuditSource.earliest.microseconds), \(AuditHour.microseconds)) + \(hours)"
    }

    static func identity(_ source: AuditSource) -> String {
        RowHashSQL.row(source.columns.filter { source.identity.contains($0.name) })
    }
}

extension WarmHour {
    /// Reads a line of `HourQuery`'s answer.
    init?(_ line: Substring, measures count: Int) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
        guard fields.count == 7 + 3 * count, let hour = Int64(fields[0]), let age = UInt64(fields[1]).flatMap({ WarmAge(rawValue: $0) }),
            let rows = Int64(fields[2]), let hash = UInt64(fields[3]), let check = UInt64(fields[4]), let earliest = Int64(fields[5 + 3 * count]),
            let latest = Int64(fields[6 + 3 * count])
        else { return nil }
        var measures: [Measure] = []
        for index in 0..<count {
            let numbers = fields[(5 + 3 * index)..<(8 + 3 * index)].compactMap { Int128($0) }
            guard numbers.count == 3 else { return nil }
            measures.append(Measure(sum: numbers[0], min: numbers[1], max: numbers[2]))
        }
        self.init(hour: hour, age: age, sums: AuditSums(rows: rows, hash: hash, check: check, measures: measures, earliest: earliest, latest: latest))
    }
}

extension WarmKeeping {
    /// From a table's `engine_full` in `system.tables`.
    init(engine: Substring, time: String) {
        guard let start = engine.firstRange(of: " TTL ") else {
            // Without an engine nothing is known about how long rows stay.
            self = engine.isEmpty ? .unknown("no engine that keeps rows") : .always
            return
        }
        let end = engine.firstRange(of: " SETTINGS ").map(\.lowerBound) ?? engine.endIndex
        let clause = engine[start.upperBound..<max(end, start.upperBound)]
        let (head, tail) = ("toDateTime(\(time)) + toIntervalDay(", ")")
        guard clause.hasPrefix(head), clause.hasSuffix(tail), let days = Int64(clause.dropFirst(head.count).dropLast(tail.count)) else {
            self = .unknown(String(clause))
            return
        }
        self = .days(days)
    }
}
