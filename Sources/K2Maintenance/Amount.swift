/// A number with its noun, for people: `1 file`, `2 files`.
enum Amount {
    static func of(_ count: some BinaryInteger, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
