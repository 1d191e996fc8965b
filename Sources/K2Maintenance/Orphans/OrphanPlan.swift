import K2Domain
import K2Iceberg
import K2JSON
import K2ObjectStore

/// The files of a table that nothing names, as they were found: what a person looks through, and `orphans apply` takes.
///
/// As text it is NDJSON: a line about the table, a line for each file, and a line that says that the plan is whole. Lines of files may be taken out.
public struct OrphanPlan: Equatable, Sendable {
    public struct File: Equatable, Sendable {
        public var location: String
        public var size: Int64
        public var modified: Timestamp
    }

    public var table: String
    public var tableUUID: String
    public var location: String
    public var madeAt: Timestamp
    /// Files had to be older than this, µs.
    public var olderThan: Int64
    public var files: [File] = []

    static let kind = "k2-orphans"
    static let reason = "no snapshot, metadata log or open batch names it"

    // MARK: Text

    var head: JSONObject {
        JSONObject(pairs: [
            ("kind", .string(Self.kind)), ("version", 1), ("table", .string(table)), ("table_uuid", .string(tableUUID)), ("location", .string(location)),
            ("made_at", .string(madeAt.description)), ("older_than_microseconds", .integer(olderThan)),
        ])
    }

    /// - Parameter action: what a dry run would do with the file.
    func line(_ file: File, action: String? = nil) -> JSONObject {
        JSONObject(pairs: (action.map { [("action", .string($0))] } ?? []) + [
            ("file", .string(file.location)), ("bytes", .integer(file.size)), ("modified", .string(file.modified.description)),
            ("age_seconds", .integer((madeAt.microseconds - file.modified.microseconds) / 1_000_000)), ("reason", .string(Self.reason)),
        ])
    }

    static func end(files: Int, bytes: Int64) -> JSONObject { JSONObject(pairs: [("end", true), ("files", .integer(files)), ("bytes", .integer(bytes))]) }

    /// Reads plans, one behind the other.
    /// - Throws: `OrphanPlanError` when the text is none, or a plan in it has no end.
    public static func read(_ bytes: [UInt8]) throws(OrphanPlanError) -> [OrphanPlan] {
        var plans: [OrphanPlan] = []
        var open: OrphanPlan?
        for (number, line) in bytes.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() where !line.allSatisfy({ $0 <= 0x20 }) {
            func wrong(_ text: String) -> OrphanPlanError { OrphanPlanError(line: number + 1, reason: text) }
            let json: JSONValue
            do throws(JSONValueError) { json = try JSONValue(parsing: Array(line)) } catch { throw wrong("\(error)") }
            if json["kind"] != nil {
                if let open { throw wrong("the plan of \(open.table) before it has no end") }
                open = try plan(json, wrong)
            } else if json["end"]?.boolValue == true {
                guard let plan = open else { throw wrong("an end without a beginning") }
                plans.append(plan)
                open = nil
            } else {
                guard open != nil else { throw wrong("expected the line that begins a plan") }
                open?.files.append(try file(json, wrong))
            }
        }
        if let open { throw OrphanPlanError(line: 0, reason: "the plan of \(open.table) has no end: it was not written completely") }
        return plans
    }

    private static func plan(_ json: JSONValue, _ wrong: (String) -> OrphanPlanError) throws(OrphanPlanError) -> OrphanPlan {
        guard json["kind"]?.stringValue == kind, json["version"]?.intValue == 1 else { throw wrong("expected a plan of kind \(kind), version 1") }
        guard let table = json["table"]?.stringValue, let uuid = json["table_uuid"]?.stringValue, let location = json["location"]?.stringValue,
            let madeAt = time(json["made_at"]), let olderThan = json["older_than_microseconds"]?.int64Value, olderThan >= 0
        else { throw wrong("expected table, table_uuid, location, made_at and older_than_microseconds") }
        return OrphanPlan(table: table, tableUUID: uuid, location: location, madeAt: madeAt, olderThan: olderThan)
    }

    private static func file(_ json: JSONValue, _ wrong: (String) -> OrphanPlanError) throws(OrphanPlanError) -> File {
        guard let location = json["file"]?.stringValue, let size = json["bytes"]?.int64Value, let modified = time(json["modified"]) else {
            throw wrong("expected file, bytes and modified")
        }
        return File(location: location, size: size, modified: modified)
    }

    static func time(_ json: JSONValue?) -> Timestamp? {
        guard let text = json?.stringValue else { return nil }
        let bytes = Array(text.utf8)
        return try? Timestamp(rfc3339: bytes.span)
    }
}

/// Why a text is no plan.
public struct OrphanPlanError: Error, Equatable, Sendable, CustomStringConvertible {
    /// From 1 on; 0 for the whole.
    public var line: Int
    public var reason: String

    public var description: String { line == 0 ? reason : "line \(line): \(reason)" }
}

extension JSONObject {
    init(pairs: [(String, JSONValue)]) {
        self.init()
        for (key, value) in pairs { self[key] = value }
    }
}
