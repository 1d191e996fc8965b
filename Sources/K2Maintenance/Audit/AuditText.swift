import K2Domain
import K2JSON

/// What an audit found as lines, for people and programs.
extension AuditResult {
    /// One line, without the table's name.
    public var summary: String {
        var parts: [String] = []
        if let rows { parts.append(rows.summary("rows")) }
        if let candles { parts.append("candles from trades: \(candles.summary("candles"))") }
        let broken = Set(files.map(\.path)).count
        if broken > 0 { parts.append("\(broken) of \(filesRead) files are not what the lake says") }
        if isEmpty, mayBeEmpty { parts.append(Self.emptyText) }
        parts += differences + reasons
        if let first = silentDays.first {
            let days = silentDays.count == 1 ? Self.text(first) : "\(silentDays.count) days, \(Self.text(first)) the first of them"
            parts.append("\(Self.silentText) on \(days)")
        }
        return "\(verdict.rawValue): \(parts.joined(separator: "; "))"
    }

    static let emptyText = "empty on both sides"
    static let silentText = "no rows on either side"

    private static func text(_ day: Int64) -> String { String(Timestamp(microseconds: day * Timestamp.microsecondsPerDay).description.prefix(10)) }

    /// What is told one by one: hours, rows, files.
    var lines: [ShownLine] {
        var lines: [ShownLine] = []
        for (findings, what) in [(rows, "rows"), (candles, "candles")] {
            guard let findings else { continue }
            lines += findings.hours.prefix(RowFindings.shownHours).map { $0.line(table, what) }
            if findings.hours.count > RowFindings.shownHours {
                let more = findings.hours.count - RowFindings.shownHours
                let object = JSONObject.of(("finding", "more_hours"), ("of", .string(what)), ("count", .integer(more)))
                lines.append(ShownLine("\(table): \(what): \(more) more hours differ", json: object))
            }
            lines += findings.rows.map { $0.line(table, what) }
        }
        return lines + files.map { $0.line(table) }
    }

    /// Numbers and texts for programs.
    var facts: JSONObject {
        var facts = JSONObject()
        facts["result"] = .string(verdict.rawValue)
        if range != AuditOptions.everything {
            facts["from"] = .string(range.lowerBound.description)
            facts["to"] = .string(range.upperBound.description)
        }
        if let watermark { facts["watermark"] = .string(watermark.description) }
        if let rows { facts["rows"] = .object(rows.json) }
        if let candles { facts["candles"] = .object(candles.json) }
        if isEmpty { facts["empty"] = true }
        if !silentDays.isEmpty { facts["days_without_rows"] = .array(silentDays.map { .string(Self.text($0)) }) }
        facts["files"] = .integer(filesRead)
        facts["bad_files"] = .integer(Set(files.map(\.path)).count)
        if !differences.isEmpty { facts["differences"] = .array(differences.map { .string($0) }) }
        if !reasons.isEmpty { facts["reasons"] = .array(reasons.map { .string($0) }) }
        return facts
    }
}

extension RowFindings {
    /// Hours that are told one by one.
    static let shownHours = 100

    fileprivate func summary(_ what: String) -> String {
        let found = Discrepancy.Kind.allCases.compactMap { count($0) > 0 ? "\(count($0)) \($0.words)" : nil }
        let hours = differences > 0 ? " in \(self.hours.count) \(self.hours.count == 1 ? "hour" : "hours")" : ""
        return (["\(warmRows) \(what) of ClickHouse against \(coldRows)"] + found).joined(separator: ", ") + hours
    }

    fileprivate var json: JSONObject {
        var object = JSONObject()
        object["warm"] = .integer(warmRows)
        object["cold"] = .integer(coldRows)
        for kind in Discrepancy.Kind.allCases { object[kind.key] = .integer(count(kind)) }
        object["hours"] = .integer(hours.count)
        return object
    }
}

extension Discrepancy.Kind {
    /// Behind a number.
    fileprivate var words: String {
        switch self {
        case .missing: "missing in cold"
        case .extra: "only in cold"
        case .doubled: "doubled in cold"
        case .differs: "with other values"
        case .pending: "not offloaded yet"
        case .expired: "older than ClickHouse keeps"
        case .unread: "missing in the files that can be read"
        case .unordered: "not to be recomputed"
        }
    }

    fileprivate var key: String { self == .extra ? "only_in_cold" : rawValue }
}

extension RowFindings.Hour {
    fileprivate func line(_ table: String, _ what: String) -> ShownLine {
        let found = Discrepancy.Kind.allCases.compactMap { kind in counts[kind.rawValue].map { (kind, $0) } }
        let text = found.map { "\($0.1) \($0.0.words)" }.joined(separator: ", ")
        var object: JSONObject = .of(("finding", "hour"), ("of", .string(what)), ("hour", .string(AuditHour.start(hour).description)))
        object["warm"] = .integer(warmRows)
        object["cold"] = .integer(coldRows)
        for (kind, count) in found { object[kind.key] = .integer(count) }
        return ShownLine("\(table): \(what) of \(AuditHour.start(hour)): \(text) (\(warmRows) in ClickHouse, \(coldRows) in the lake)", json: object)
    }
}

extension RowFindings.Row {
    fileprivate func line(_ table: String, _ what: String) -> ShownLine {
        let kind = Discrepancy.Kind(rawValue: kind)
        var object: JSONObject = .of(("finding", .string(kind?.key ?? self.kind)), ("of", .string(what)))
        var names = JSONObject()
        for (name, value) in identity { names[name] = .string(value) }
        object["identity"] = .object(names)
        object["time"] = .string(time.description)
        if let file { object["file"] = .string(file) }
        var changes = JSONObject()
        for column in columns {
            var sides = JSONObject()
            // A side that could not be asked is left out.
            if let warm = column.warm { sides["warm"] = Self.value(warm) }
            if let cold = column.cold { sides["cold"] = Self.value(cold) }
            changes[column.name] = .object(sides)
        }
        if !columns.isEmpty { object["columns"] = .object(changes) }
        return ShownLine("\(table): \(kind?.words ?? self.kind): \(text)", json: object)
    }

    /// What a line of text has of a long value; JSON has all of it.
    private static func short(_ value: String) -> String { value.count > 200 ? "\(value.prefix(200))… (\(value.count) characters)" : value }

    private static func value(_ json: String) -> JSONValue { (try? JSONValue(parsing: Array(json.utf8))) ?? .string(json) }

    private var text: String {
        let name = identity.isEmpty ? "a row that is gone by now" : identity.map { Self.short($0.value) }.joined(separator: " ")
        let changes = columns.map { "\($0.name) is \($0.warm ?? "unknown") in ClickHouse, \($0.cold ?? "unknown") in the lake" }
        let place = file.map { " in \($0)" } ?? ""
        return (["\(name) of \(time)\(place)"] + changes).joined(separator: ": ")
    }
}

extension AuditedFileProblem {
    fileprivate func line(_ table: String) -> ShownLine {
        ShownLine(
            "\(table): file \(kind.rawValue): \(path): \(text)",
            json: .of(("finding", .string("file_\(kind.rawValue)")), ("file", .string(path)), ("what", .string(text))))
    }
}

extension JSONObject {
    fileprivate static func of(_ members: (String, JSONValue)...) -> JSONObject {
        var object = JSONObject()
        for (key, value) in members { object[key] = value }
        return object
    }
}
