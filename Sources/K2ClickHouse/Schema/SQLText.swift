/// Names and texts as ClickHouse writes them (documentation page "Syntax").
enum SQLText {
    /// A name in backticks, whatever it holds.
    static func identifier(_ name: String) -> String { quoted(name, by: "`") }

    static func identifiers(_ names: [String]) -> String { names.map(identifier).joined(separator: ", ") }

    /// A string literal.
    static func literal(_ text: String) -> String { quoted(text, by: "'") }

    private static func quoted(_ text: String, by quote: Character) -> String {
        var result = String(quote)
        for character in text {
            if character == quote || character == "\\" { result.append("\\") }
            result.append(character)
        }
        result.append(quote)
        return result
    }

    /// The items one a line, indented by four spaces, with commas between them.
    static func list(_ items: [String]) -> String { items.map { "    \($0)" }.joined(separator: ",\n") }
}
