/// Counts of one run, printed as a single line.
struct NormalizeStats {
    var lines = 0
    var messages = 0
    var trades = 0
    var duplicates = 0
    var invalid = 0
    var gapsPassed = 0
    var gapsFound = 0
    var gapsFilled = 0
    /// Messages that yield no trade, by type.
    var control: [String: Int] = [:]
    /// Messages of types that no adapter knows, by exchange and type.
    var unknown: [String: Int] = [:]
    /// Lines and trades that could not be used.
    var rejected = 0
    /// Records of other kinds.
    var skipped = 0

    /// Types beyond this many are counted together: what an exchange sends must not fill our memory.
    static let maxTypes = 200

    static func count(_ type: String, in table: inout [String: Int]) {
        table[table[type] != nil || table.count < maxTypes ? type : "other", default: 0] += 1
    }

    var description: String {
        func list(_ table: [String: Int]) -> String {
            if table.isEmpty { return "0" }
            let parts = table.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
            return "\(table.values.reduce(0, +)) (\(parts.joined(separator: ", ")))"
        }
        return [
            "lines \(lines)", "messages \(messages)", "trades \(trades)", "duplicates \(duplicates)",
            "invalid \(invalid)", "gaps found \(gapsFound)", "gaps filled \(gapsFilled)", "gaps passed \(gapsPassed)",
            "control \(list(control))", "unknown \(list(unknown))", "rejected \(rejected)", "skipped \(skipped)",
        ].joined(separator: "; ")
    }
}
