/// A condition on rows by which files are chosen: comparisons of columns with literals, all of which must hold.
///
/// ```
/// timestamp >= '2026-02-01' AND exchange IN ('binance', 'kraken')
/// ```
/// Columns are those of the table, with dots inside structs, or fields of its partition specs such as `timestamp_day`.
public struct FilePredicate: Equatable, Sendable {
    enum Operator: String, Sendable {
        case equal = "="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case isIn = "IN"
    }

    /// A literal as it was written; what it means depends on the column's type.
    struct Literal: Equatable, Sendable {
        var text: String
        var isQuoted: Bool
    }

    struct Comparison: Equatable, Sendable {
        var column: String
        var relation: Operator
        /// One, or for IN one or more.
        var literals: [Literal]
    }

    let comparisons: [Comparison]

    /// - Throws: `Malformed` for text that is no condition.
    public init(_ text: String) throws(Malformed) {
        var parser = Parser(Array(text.unicodeScalars))
        comparisons = try parser.condition()
    }

    /// Why a text is no condition, in one line.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        public var description: String
    }
}

extension FilePredicate {
    /// What a text consists of.
    private enum Token: Equatable {
        case word(String)
        case quotedName(String)
        case text(String)
        case number(String)
        case symbol(String)
        case end

        var words: String {
            switch self {
            case .word(let text), .number(let text), .symbol(let text): "\"\(text)\""
            case .quotedName(let text): "\"\"\(text)\"\""
            case .text(let text): "'\(text)'"
            case .end: "the end"
            }
        }
    }

    private struct Parser {
        private let text: [Unicode.Scalar]
        private var offset = 0
        private var token = Token.end

        init(_ text: [Unicode.Scalar]) { self.text = text }

        mutating func condition() throws(Malformed) -> [Comparison] {
            try advance()
            var result = [try comparison()]
            while case .word(let word) = token, word.uppercased() == "AND" {
                try advance()
                result.append(try comparison())
            }
            guard token == .end else { throw expected("AND or the end") }
            return result
        }

        private mutating func comparison() throws(Malformed) -> Comparison {
            let column: String
            switch token {
            case .word(let name), .quotedName(let name): column = name
            default: throw expected("a column")
            }
            try advance()
            if case .word(let word) = token, word.uppercased() == "IN" {
                try advance()
                return Comparison(column: column, relation: .isIn, literals: try list())
            }
            guard case .symbol(let symbol) = token, let relation = Operator(rawValue: symbol == "==" ? "=" : symbol) else {
                throw expected("=, <, <=, >, >= or IN after \(column)")
            }
            try advance()
            return Comparison(column: column, relation: relation, literals: [try literal()])
        }

        private mutating func list() throws(Malformed) -> [Literal] {
            guard token == .symbol("(") else { throw expected("( after IN") }
            var literals: [Literal] = []
            repeat {
                try advance()
                literals.append(try literal())
            } while token == .symbol(",")
            guard token == .symbol(")") else { throw expected(", or )") }
            try advance()
            return literals
        }

        private mutating func literal() throws(Malformed) -> Literal {
            let literal: Literal
            switch token {
            case .text(let text): literal = Literal(text: text, isQuoted: true)
            case .number(let text): literal = Literal(text: text, isQuoted: false)
            case .word(let word) where ["true", "false"].contains(word.lowercased()): literal = Literal(text: word.lowercased(), isQuoted: false)
            default: throw expected("a number, true, false or a text in single quotes")
            }
            try advance()
            return literal
        }

        private func expected(_ what: String) -> Malformed { Malformed(description: "expected \(what), found \(token.words)") }

        // MARK: Tokens

        private mutating func advance() throws(Malformed) {
            while offset < text.count, text[offset].properties.isWhitespace { offset += 1 }
            guard offset < text.count else { return token = .end }
            let first = text[offset]
            switch first {
            case "'": token = .text(try quoted(first))
            case "\"": token = .quotedName(try quoted(first))
            case "(", ")", ",", "=", "<", ">": token = .symbol(symbol())
            case "0"..."9", "-", "+", ".": token = .number(run { Self.isPart($0) || $0 == "-" || $0 == "+" })
            default:
                let word = run(Self.isPart)
                guard !word.isEmpty else { throw Malformed(description: "found \"\(first)\"") }
                token = .word(word)
            }
        }

        private static func isPart(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_" || scalar == "." }

        private mutating func symbol() -> String {
            var symbol = String(text[offset])
            offset += 1
            if "<>=".unicodeScalars.contains(text[offset - 1]), offset < text.count, text[offset] == "=" {
                symbol += "="
                offset += 1
            }
            return symbol
        }

        private mutating func run(_ belongs: (Unicode.Scalar) -> Bool) -> String {
            var run = String.UnicodeScalarView()
            while offset < text.count, belongs(text[offset]) {
                run.append(text[offset])
                offset += 1
            }
            return String(run)
        }

        /// A quote inside stands twice.
        private mutating func quoted(_ quote: Unicode.Scalar) throws(Malformed) -> String {
            var content = String.UnicodeScalarView()
            offset += 1
            while offset < text.count {
                if text[offset] == quote {
                    offset += 1
                    guard offset < text.count, text[offset] == quote else { return String(content) }
                }
                content.append(text[offset])
                offset += 1
            }
            throw Malformed(description: "a quote that is not closed")
        }
    }
}
