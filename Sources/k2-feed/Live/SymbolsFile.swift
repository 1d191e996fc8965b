import K2CLI
import K2Domain

/// The symbols to capture, exchange by exchange, from a file such as the old platform's `instruments.yaml`:
///
/// ```yaml
/// instruments:
///   binance:
///     symbols: [BTCUSDT, ETHUSDT]
///   kraken:
///     symbols:
///       - XBT/USD
///       - symbol: ETH/USD
///         enabled: false
/// ```
///
/// Also without `instruments:` at the top, with the list right behind the exchange, and with `instruments` in place of `symbols`.
/// `enabled: false` leaves out an exchange or a symbol. Other keys are ignored.
struct SymbolsFile: Equatable {
    /// In the order of the file, each once, as spelled there. Exchanges that the file does not name are missing.
    var symbols: [Exchange: [String]]

    static let maxBytes = 1 << 20

    /// - Throws: `.noInput` when the file cannot be read; `.usage` with `path:line: what: expected …, found …`.
    static func read(_ path: String) throws(ToolFailure) -> SymbolsFile {
        try parse(try InputFile.read(path, what: "instruments file", limit: maxBytes), path: path)
    }

    /// The symbols of one exchange; none when the file does not name it.
    static func read(_ path: String, exchange: Exchange) throws(ToolFailure) -> [String] { try read(path).symbols[exchange] ?? [] }

    /// - Parameter path: for messages.
    static func parse(_ text: [UInt8], path: String) throws(ToolFailure) -> SymbolsFile {
        let root: YAMLNode?
        do throws(YAMLError) { root = try YAMLDocument.parse(text) } catch {
            throw ToolFailure(.usage, "\(path):\(error.line): not YAML: \(error.reason)")
        }
        guard let root else { throw ToolFailure(.usage, "\(path):1: instruments: expected a mapping of exchanges, found nothing") }
        do throws(Mistake) { return SymbolsFile(symbols: try exchanges(root)) } catch {
            throw ToolFailure(.usage, "\(path):\(error.line): \(error.what)")
        }
    }

    /// Something that is not as it should be, without the path.
    private struct Mistake: Error {
        var line: Int
        var what: String

        init(_ what: String, expected: String, found node: YAMLNode) {
            line = node.line
            self.what = "\(what): expected \(expected), found \(node.kind)"
        }

        init(_ what: String, at node: YAMLNode) {
            line = node.line
            self.what = what
        }
    }

    private static func exchanges(_ root: YAMLNode) throws(Mistake) -> [Exchange: [String]] {
        let top = try value("instruments", of: root, "instruments") ?? root
        guard let members = top.members else { throw Mistake("instruments", expected: "a mapping of exchanges", found: top) }
        var result: [Exchange: [String]] = [:]
        for (key, value) in members {
            guard let exchange = key.scalar.flatMap({ Exchange(rawValue: $0) }) else { continue }
            if result[exchange] != nil { throw Mistake("\(exchange.rawValue): named twice", at: key) }
            result[exchange] = try symbols(of: exchange.rawValue, value)
        }
        if result.isEmpty {
            let known = Exchange.allCases.map(\.rawValue).joined(separator: ", ")
            let found = members.prefix(3).map(\.key.kind).joined(separator: ", ")
            throw Mistake("instruments: expected one of the exchanges \(known), found \(found.isEmpty ? "none" : found)", at: top)
        }
        return result
    }

    private static func symbols(of exchange: String, _ node: YAMLNode) throws(Mistake) -> [String] {
        guard node.members != nil else { return try list(exchange, node) }
        guard try isEnabled(node, exchange) else { return [] }
        for key in ["symbols", "instruments"] {
            if let value = try value(key, of: node, exchange) { return try list("\(key) of \(exchange)", value) }
        }
        throw Mistake("\(exchange): expected symbols, found none", at: node)
    }

    private static func list(_ what: String, _ node: YAMLNode) throws(Mistake) -> [String] {
        guard let elements = node.elements else { throw Mistake(what, expected: "a list of symbols", found: node) }
        var result: [String] = []
        for element in elements {
            guard let symbol = try symbol(what, element), !result.contains(symbol) else { continue }
            result.append(symbol)
        }
        return result
    }

    /// nil when it is not enabled.
    private static func symbol(_ what: String, _ node: YAMLNode) throws(Mistake) -> String? {
        var name: YAMLNode? = node
        if node.members != nil {
            guard try isEnabled(node, what) else { return nil }
            name = try value("symbol", of: node, what)
        }
        guard let name else { throw Mistake("\(what): expected a symbol, found a mapping without one", at: node) }
        guard let text = name.scalar, !name.isNull, !text.isEmpty else { throw Mistake(what, expected: "a symbol", found: name) }
        return text
    }

    private static func isEnabled(_ node: YAMLNode, _ what: String) throws(Mistake) -> Bool {
        guard let value = try value("enabled", of: node, what) else { return true }
        switch value.scalar?.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw Mistake("enabled of \(what)", expected: "true or false", found: value)
        }
    }

    /// The value of a key; nil when it is missing or `node` is no mapping.
    private static func value(_ name: String, of node: YAMLNode, _ what: String) throws(Mistake) -> YAMLNode? {
        let found = (node.members ?? []).filter { $0.key.scalar == name }
        if found.count > 1 { throw Mistake("\(what): \(name) stands there twice", at: found[1].key) }
        return found.first?.value
    }
}
