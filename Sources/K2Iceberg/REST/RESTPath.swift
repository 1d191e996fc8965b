import K2JSON

/// Paths of the REST catalog protocol below `v1`, as the server's configuration wants them.
struct RESTPath {
    /// Goes between `v1` and the rest, as the server spells it.
    var prefix = ""
    /// Between the levels of a namespace, percent-encoded.
    var separator = "%1F"

    init() {}

    /// - Parameter configuration: the answer to `v1/config`, its defaults and overrides merged.
    init(_ configuration: [String: String]) {
        prefix = configuration["prefix"] ?? ""
        while prefix.hasSuffix("/") { prefix.removeLast() }
        while prefix.hasPrefix("/") { prefix.removeFirst() }
        separator = configuration["namespace-separator"] ?? "%1F"
    }

    private var root: String { prefix.isEmpty ? "/v1" : "/v1/" + prefix }

    var namespaces: String { root + "/namespaces" }
    func namespace(_ namespace: [String]) -> String { namespaces + "/" + encoded(namespace) }
    func tables(_ namespace: [String]) -> String { self.namespace(namespace) + "/tables" }
    func table(_ table: TableIdentifier) -> String { tables(table.namespace) + "/" + Self.encoded(table.name) }

    func encoded(_ namespace: [String]) -> String { namespace.map { Self.encoded($0) }.joined(separator: separator) }

    /// Percent-encoding of all but the unreserved characters (RFC 3986, section 2.3).
    static func encoded(_ text: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"):
                encoded.append(byte)
            default:
                encoded.append(UInt8(ascii: "%"))
                for digit in [byte >> 4, byte & 15] { encoded.append(digit < 10 ? 48 + digit : 55 + digit) }
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
