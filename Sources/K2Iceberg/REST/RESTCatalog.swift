import K2HTTP
import K2JSON

/// A catalog behind the Iceberg REST protocol: the server applies changes and writes metadata files.
///
/// https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml
///
/// Reads are repeated for up to a minute when the server is in trouble; how changes are, `RESTCatalog+Apply` says. From the
/// server's configuration `prefix`, `namespace-separator` and `header.…` are taken, and nothing that would send secrets
/// elsewhere. Serves one thread.
public final class RESTCatalog: Catalog {
    /// The server's configuration: its defaults, and over them what it insists on.
    public let configuration: [String: String]
    /// What the server said with each table that was loaded, such as `s3.endpoint` and credentials that end soon. Not for messages.
    public private(set) var storageConfiguration: [TableIdentifier: [String: String]] = [:]

    let client: RESTClient
    let path: RESTPath
    let environment: CommitEnvironment

    /// Asks the server for its configuration.
    public init(
        _ address: CatalogAddress, options: HTTPOptions = RESTCatalog.defaultOptions, environment: CommitEnvironment = .system
    ) throws(IcebergError) {
        client = RESTClient(address, options: options, environment: environment)
        self.environment = environment
        let query = address.warehouse.map { "?warehouse=" + PercentText.encode($0) } ?? ""
        let answer: JSONValue
        do throws(RESTFailure) { answer = try client.read("GET", "/v1/config" + query) } catch {
            throw IcebergError(error, "catalog \(address)")
        }
        let fields = try JSONFields(answer, path: "config")
        configuration = try fields.strings("defaults").merging(try fields.strings("overrides")) { $1 }
        path = RESTPath(configuration)
        for (key, value) in configuration.sorted(by: { $0.key < $1.key }) where key.hasPrefix("header.") {
            client.extraHeaders.append((String(key.dropFirst("header.".count)), value))
        }
    }

    /// Metadata of tables with a long history is large.
    public static var defaultOptions: HTTPOptions {
        var options = HTTPOptions()
        options.maxBodyBytes = 512 << 20
        return options
    }

    public var capabilities: CatalogCapabilities { CatalogCapabilities(serverSideCommit: true, nestedNamespaces: true) }

    // MARK: Namespaces

    private func name(_ namespace: [String]) throws(IcebergError) -> String {
        guard !namespace.isEmpty, namespace.allSatisfy({ !$0.isEmpty && !$0.contains("\u{1f}") }) else {
            throw IcebergError(.invalid, "namespace \"\(namespace.joined(separator: "."))\": expected names")
        }
        return "namespace " + namespace.joined(separator: ".")
    }

    /// Makes the namespace. When an answer was lost, one that is there afterwards counts as made.
    public func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) {
        let name = try name(namespace)
        let body: JSONValue = ["namespace": .array(namespace.map { .string($0) }), "properties": .object(JSONObject(sorted: properties))]
        var patience = Patience(environment)
        var mayBeMade = false
        while true {
            do throws(RESTFailure) {
                _ = try client.change("POST", path.namespaces, body: body)
                return
            } catch {
                if error.status == 409, mayBeMade { return }
                if error.status == 409 { throw IcebergError(.alreadyExists, "\(name): exists already") }
                // What is missing is not the namespace.
                if error.status == 404 { throw IcebergError(.notFound, "\(name): \(error.text)") }
                if error.effect == .unknown { mayBeMade = true }
                guard error.isPassing, patience.wait(atLeast: error.retryAfter) else { throw IcebergError(error, name) }
            }
        }
    }

    public func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool {
        let name = try name(namespace)
        // HEAD came later to the protocol, and without a body a wrong address looks like a missing namespace.
        do throws(RESTFailure) { _ = try client.read("GET", path.namespace(namespace)) } catch {
            let error = IcebergError(error, name)
            if error.code == .notFound { return false }
            throw error
        }
        return true
    }

    /// All namespaces, sorted. One request for each: servers list one level at a time.
    public func namespaces() throws(IcebergError) -> [[String]] {
        var known: Set<[String]> = []
        var waiting = try level(below: [])
        while let next = waiting.popLast() {
            guard known.insert(next).inserted else { continue }
            waiting += try level(below: next)
        }
        return known.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private func level(below parent: [String]) throws(IcebergError) -> [[String]] {
        let query = parent.isEmpty ? "" : "parent=" + path.encoded(parent)
        do throws(IcebergError) {
            return try pages(path.namespaces, query, "namespaces", parent.isEmpty ? "catalog" : try name(parent)).map { (item) throws(IcebergError) in
                try Self.names(item)
            }
        } catch {
            // Gone in the meantime, or a server without levels.
            if !parent.isEmpty, error.code == .notFound || error.code == .invalid { return [] }
            throw error
        }
    }

    private static func names(_ json: JSONValue) throws(IcebergError) -> [String] {
        let names = (json.arrayValue ?? []).compactMap(\.stringValue)
        guard !names.isEmpty, names.count == json.arrayValue?.count else { throw IcebergError(.malformed, "namespaces: expected arrays of names") }
        return names
    }

    /// The items under `key` of all pages.
    private func pages(_ path: String, _ query: String, _ key: String, _ what: String) throws(IcebergError) -> [JSONValue] {
        var items: [JSONValue] = []
        var token: String?
        repeat {
            let page = token.map { "pageToken=" + PercentText.encode($0) }
            let full = [query, page ?? ""].filter { !$0.isEmpty }.joined(separator: "&")
            let answer: JSONValue
            do throws(RESTFailure) { answer = try client.read("GET", full.isEmpty ? path : "\(path)?\(full)") } catch {
                throw IcebergError(error, what)
            }
            let fields = try JSONFields(answer, path: what)
            items += try fields.optionalArray(key)
            let next = try fields.optionalString("next-page-token").flatMap { $0.isEmpty ? nil : $0 }
            guard next == nil || next != token else { throw IcebergError(.malformed, "\(what): next-page-token: stays the same") }
            token = next
        } while token != nil
        return items
    }

    // MARK: Tables

    public func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] {
        do throws(IcebergError) {
            let items = try pages(path.tables(namespace), "", "identifiers", try name(namespace))
            return try items.map { (item) throws(IcebergError) in
                let fields = try JSONFields(item, path: "identifiers")
                return TableIdentifier(namespace, try fields.string("name"))
            }.sorted { $0.name < $1.name }
        } catch {
            if error.code == .notFound { return [] }
            throw error
        }
    }

    public func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table { try table(try load(identifier), identifier) }

    public func entry(_ identifier: TableIdentifier) throws(IcebergError) -> CatalogEntry? {
        let answer: JSONValue
        do throws(IcebergError) { answer = try load(identifier) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
        return try CatalogEntry(identifier, at: answer["metadata-location"]?.stringValue) { () throws(IcebergError) in
            try TableOutline(json: try JSONFields(answer, path: "table \(identifier)").value("metadata"))
        }
    }

    private func load(_ identifier: TableIdentifier) throws(IcebergError) -> JSONValue {
        _ = try name(identifier.namespace)
        do throws(RESTFailure) { return try client.read("GET", path.table(identifier)) } catch {
            throw IcebergError(error, "table \(identifier)")
        }
    }

    /// Reads a `LoadTableResult` or `CommitTableResponse`.
    func table(_ answer: JSONValue, _ identifier: TableIdentifier) throws(IcebergError) -> Table {
        let fields = try JSONFields(answer, path: "table \(identifier)")
        let location = try fields.string("metadata-location")
        let metadata: TableMetadata
        do throws(IcebergError) { metadata = try TableMetadata(json: try fields.value("metadata")) } catch { throw error.at(location) }
        // Answers to commits bring none.
        let storage = try Self.storage(fields, below: metadata.location)
        if !storage.isEmpty { storageConfiguration[identifier] = storage }
        return Table(identifier: identifier, metadataLocation: location, metadata: metadata)
    }

    /// `config`, and over it the `storage-credentials` whose prefix fits best.
    private static func storage(_ fields: JSONFields, below location: String) throws(IcebergError) -> [String: String] {
        let credentials = try fields.objects("storage-credentials") { (item) throws(IcebergError) in
            (prefix: try item.string("prefix"), config: try item.strings("config"))
        }
        let fitting = credentials.filter { location.hasPrefix($0.prefix) }.max { $0.prefix.utf8.count < $1.prefix.utf8.count }
        return try fields.strings("config").merging(fitting?.config ?? [:]) { $1 }
    }

    /// Forgets the table, and asks for no purge. Servers should then keep the data files; SeaweedFS 4.48 removes all the same.
    /// - Throws: `notFound`; `outcomeUnknown` when an answer was lost and the table is still there.
    public func dropTable(_ identifier: TableIdentifier) throws(IcebergError) {
        _ = try name(identifier.namespace)
        let failure: RESTFailure
        do throws(RESTFailure) {
            _ = try client.change("DELETE", path.table(identifier) + "?purgeRequested=false")
            return
        } catch { failure = error }
        guard failure.effect == .unknown else { throw IcebergError(failure, "table \(identifier)") }
        // Not sent again: it could hit a table that somebody made under the name since.
        do throws(IcebergError) { if try findTable(identifier) == nil { return } } catch {
            throw IcebergError(.outcomeUnknown, "table \(identifier): drop: outcome unknown: \(failure.text); reading back: \(error.message)")
        }
        throw IcebergError(.outcomeUnknown, "table \(identifier): drop: outcome unknown: \(failure.text); still there")
    }
}
