import K2HTTP
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
    func table(_ table: TableIdentifier) -> String { tables(table.namespace) + "/" + PercentText.encode(table.name) }

    func encoded(_ namespace: [String]) -> String { namespace.map { PercentText.encode($0) }.joined(separator: separator) }
}
