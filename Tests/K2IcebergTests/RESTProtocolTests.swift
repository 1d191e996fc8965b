import K2HTTP
import K2Iceberg
import K2JSON
import K2TestSupport
import Testing

/// Requests, tokens, pages and errors, against a server that answers what the test tells it.
struct RESTProtocolTests {
    private typealias Answer = FakeCatalog.Answer
    private let waits = SharedList<Int64>()
    private let table = TableIdentifier(["a", "b"], "t x")

    private func catalog(_ server: FakeCatalog, _ change: (inout CatalogAddress) -> Void = { _ in }) throws -> RESTCatalog {
        var address = try CatalogAddress(uri: server.url)
        change(&address)
        return try RESTCatalog(address, environment: .instant(waits))
    }

    private func refused(_ body: () throws -> Void) -> IcebergError? { #expect(throws: IcebergError.self) { try body() } }

    private func metadata(_ change: (inout TableMetadata) -> Void = { _ in }) throws -> TableMetadata {
        let creation = try Fixtures.creation()
        var metadata = try TableMetadata.create(
            tableUUID: "u", location: "s3://w/t", schema: creation.schema, spec: creation.spec, sortOrder: creation.sortOrder,
            properties: creation.properties, nowMS: 5)
        change(&metadata)
        return metadata
    }

    private func loaded(_ metadata: TableMetadata, config: [String: String] = [:]) -> Answer {
        var object = JSONObject()
        for (key, value) in config { object[key] = .string(value) }
        let result: JSONValue = ["metadata-location": "s3://w/t/metadata/v1.metadata.json", "metadata": metadata.json, "config": .object(object)]
        return Answer(200, result.text)
    }

    // MARK: Paths

    @Test func `the server's configuration decides about paths and headers`() throws {
        let server = try FakeCatalog { request in
            guard request.path.hasPrefix("/v1/config") else { return .error(404, "NoSuchTableException") }
            return Answer(200, #"{"defaults":{"prefix":"d","header.X-One":"1","a":"d"},"overrides":{"prefix":"main|w/","a":"o"}}"#)
        }
        let catalog = try self.catalog(server) { $0.warehouse = "s3://b/ä" }
        #expect(try catalog.findTable(table) == nil && catalog.configuration["a"] == "o")
        #expect(server.lines == ["GET /v1/config?warehouse=s3%3A%2F%2Fb%2F%C3%A4", "GET /v1/main|w/namespaces/a%1Fb/tables/t%20x"])
        #expect(server.requests[1].headers["x-one"] == "1" && server.requests[1].headers["authorization"] == nil)
    }

    @Test func `a server may want another separator of levels`() throws {
        let server = try FakeCatalog { $0.path.hasPrefix("/v1/config") ? Answer(200, #"{"overrides":{"namespace-separator":"%2E"}}"#) : Answer(204) }
        #expect(try catalog(server).namespaceExists(["a.b", "c"]))
        #expect(server.lines.last == "GET /v1/namespaces/a.b%2Ec")
    }

    @Test func `listings go on over pages and levels`() throws {
        let server = try FakeCatalog { request in
            switch request.path {
            case "/v1/namespaces": Answer(200, #"{"namespaces":[["b"]],"next-page-token":"p/1"}"#)
            case "/v1/namespaces?pageToken=p%2F1": Answer(200, #"{"namespaces":[["a"]],"next-page-token":null}"#)
            case "/v1/namespaces?parent=b": Answer(200, #"{"namespaces":[["b","c"]]}"#)
            case "/v1/namespaces?parent=a": .error(404, "NoSuchNamespaceException")
            case "/v1/namespaces?parent=b%1Fc": .error(400, "BadRequestException")
            case "/v1/namespaces/b/tables": Answer(200, #"{"identifiers":[{"namespace":["b"],"name":"z"}],"next-page-token":"2"}"#)
            case "/v1/namespaces/b/tables?pageToken=2": Answer(200, #"{"identifiers":[{"namespace":["b"],"name":"y"}]}"#)
            case "/v1/namespaces/loop/tables", "/v1/namespaces/loop/tables?pageToken=1": Answer(200, #"{"identifiers":[],"next-page-token":"1"}"#)
            default: nil
            }
        }
        let catalog = try self.catalog(server)
        #expect(try catalog.namespaces() == [["a"], ["b"], ["b", "c"]])
        #expect(try catalog.tables(in: ["b"]).map(\.name) == ["y", "z"])
        #expect(refused { _ = try catalog.tables(in: ["loop"]) }?.code == .malformed)
    }

    // MARK: Tokens

    private func withTokens(_ term: Int, _ answer: @escaping @Sendable (FakeCatalog.Request) -> Answer?) throws -> FakeCatalog {
        let number = SharedState(0)
        return try FakeCatalog { request in
            guard request.path == "/v1/oauth/tokens" else { return answer(request) }
            let next = number.change { (value: inout Int) in
                value += 1
                return value
            }
            return Answer(200, #"{"access_token":"token\#(next)","token_type":"bearer","expires_in":\#(term)}"#)
        }
    }

    @Test func `a token is fetched with credentials and kept until shortly before it ends`() throws {
        let server = try withTokens(3600) { $0.path.hasPrefix("/v1/namespaces/") ? Answer(204) : nil }
        let catalog = try self.catalog(server) {
            $0.credential = CatalogAddress.Credential("id&:s=ecret")
            $0.scope = "PRINCIPAL_ROLE:ALL"
        }
        _ = try catalog.namespaceExists(["a"])
        #expect(server.requests[0].body == "grant_type=client_credentials&client_id=id%26&client_secret=s%3Decret&scope=PRINCIPAL_ROLE%3AALL")
        #expect(server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded" && server.requests[0].headers["authorization"] == nil)
        #expect(server.requests.dropFirst().map { $0.headers["authorization"] } == ["Bearer token1", "Bearer token1"])
        waits.add(3_539_000)
        _ = try catalog.namespaceExists(["a"])
        #expect(server.requests.last?.headers["authorization"] == "Bearer token1")
        waits.add(2_000)
        _ = try catalog.namespaceExists(["a"])
        #expect(server.requests.last?.headers["authorization"] == "Bearer token2")
        #expect(server.lines.filter { $0 == "POST /v1/oauth/tokens" }.count == 2)
    }

    @Test(arguments: [401, 419]) func `a token that is refused is replaced once`(_ status: Int) throws {
        let server = try withTokens(3600) { request in
            request.path.hasPrefix("/v1/namespaces/a") && request.headers["authorization"] == "Bearer token1"
                || request.path.hasPrefix("/v1/namespaces/b")
                ? .error(status, "NotAuthorizedException", "expired: \(request.headers["authorization"]!)")
                : request.path.hasPrefix("/v1/namespaces/") ? Answer(204) : nil
        }
        let catalog = try self.catalog(server) { $0.credential = CatalogAddress.Credential("id:secret") }
        #expect(try catalog.namespaceExists(["a"]))
        #expect(server.lines == ["POST /v1/oauth/tokens", "GET /v1/config", "GET /v1/namespaces/a", "POST /v1/oauth/tokens", "GET /v1/namespaces/a"])
        let error = refused { _ = try catalog.namespaceExists(["b"]) }
        #expect(error?.code == .catalog && error?.isRetryable == false)
        let message = "expired: Bearer ***"
        #expect(error?.message == (status == 401 ? "namespace b: not authorized: 401: \(message)" : "namespace b: not authorized: 419: \(message)"))
        #expect(server.lines.count == 8 && waits.all.isEmpty)
    }

    @Test func `a given token is sent, and credentials take over when it is refused`() throws {
        let server = try withTokens(3600) { $0.headers["authorization"] == "Bearer given" ? Answer(401) : $0.path.contains("namespaces") ? Answer(204) : nil }
        let message = refused { _ = try self.catalog(server) { $0.token = "given" } }?.message
        #expect(message == "catalog \(server.url): not authorized: answered 401")
        let catalog = try self.catalog(server) {
            $0.token = "given"
            $0.credential = CatalogAddress.Credential("only-a-secret")
        }
        #expect(try catalog.namespaceExists(["a"]))
        #expect(server.requests.contains { $0.body == "grant_type=client_credentials&client_secret=only-a-secret&scope=catalog" })
        #expect(server.requests.last?.headers["authorization"] == "Bearer token1")
    }

    @Test func `refused credentials are said plainly, without the secret`() throws {
        let server = try FakeCatalog { request in
            request.path == "/elsewhere/token" ? Answer(400, #"{"error":"invalid_client","error_description":"no: hush\nhush"}"#) : nil
        }
        let url = server.url
        let error = refused {
            _ = try catalog(server) {
                $0.credential = CatalogAddress.Credential("id:hush")
                $0.oauth2ServerURI = url + "/elsewhere/token"
            }
        }
        #expect(error?.message == "catalog \(url): not authorized: token: 400: invalid_client: no: *** ***" && error?.isRetryable == false)
        #expect(server.lines == ["POST /elsewhere/token"])
    }

    // MARK: Errors

    @Test(arguments: [
        (400, "BadRequestException", IcebergError.Code.invalid, false, "table a.b.t x: 400: words of the server"),
        (403, "ForbiddenException", .catalog, false, "table a.b.t x: forbidden: 403: words of the server"),
        (404, "NoSuchTableException", .notFound, false, "table a.b.t x: no such table"),
        (404, "NoSuchNamespaceException", .notFound, false, "table a.b.t x: no such namespace"),
        (404, "NotFoundException", .catalog, false, "table a.b.t x: 404: words of the server"),
        (404, "NoSuchWarehouseException", .catalog, false, "table a.b.t x: 404: words of the server"),
        (404, "", .catalog, false, "table a.b.t x: 404: words of the server: expected an iceberg catalog's error, found another answer"),
        (405, "UnsupportedOperationException", .unsupported, false, "table a.b.t x: 405: words of the server"),
        (422, "UnprocessableEntityException", .invalid, false, "table a.b.t x: 422: words of the server"),
        (501, "NotImplementedException", .unsupported, false, "table a.b.t x: 501: words of the server"),
        (503, "ServiceUnavailableException", .catalog, true, "table a.b.t x: 503: words of the server"),
    ]) func `the server's errors`(_ status: Int, _ type: String, _ code: IcebergError.Code, _ isRetryable: Bool, _ message: String) throws {
        let server = try FakeCatalog { $0.path.contains("/tables/") ? .error(status, type) : nil }
        let error = refused { _ = try catalog(server).loadTable(table) }
        #expect(error?.code == code && error?.isRetryable == isRetryable && error?.message == message)
    }

    @Test func `an answer that is no catalog's is an error, and never a missing table`() throws {
        let server = try FakeCatalog { $0.path.contains("/tables/") ? Answer(404, "<html>not found</html>") : nil }
        #expect(refused { _ = try catalog(server).findTable(table) }?.message
            == "table a.b.t x: answered 404: expected an iceberg catalog's error, found another answer")
        let page = try FakeCatalog { _ in Answer(200, "<html>log in</html>") }
        #expect(refused { _ = try catalog(page) }?.message == "catalog \(page.url): answer: json: expected a value, found \"<\" (byte 0)")
        let long = try FakeCatalog { $0.path.contains("/tables/") ? .error(400, "x", String(repeating: "a\n", count: 900)) : nil }
        let message = try #require(refused { _ = try catalog(long).loadTable(table) }?.message)
        #expect(message.count < 450 && !message.contains("\n"))
    }

    @Test func `metadata that is not understood names its place`() throws {
        let metadata = try metadata()
        let server = try FakeCatalog { request in
            guard request.path.contains("/tables/") else { return nil }
            var object = metadata.json.objectValue!
            object["format-version"] = 3
            let result: JSONValue = request.path.hasSuffix("/m") ? ["metadata": metadata.json] : ["metadata-location": "s3://w/m.json", "metadata": .object(object)]
            return Answer(200, result.text)
        }
        let catalog = try self.catalog(server)
        #expect(refused { _ = try catalog.loadTable(table) }?.message == "s3://w/m.json: format-version: expected 1 or 2, found 3")
        #expect(refused { _ = try catalog.loadTable(TableIdentifier(["a"], "m")) }?.message == "table a.m.metadata-location: missing")
    }

    @Test func `reads are repeated for a while, as long as the server asks to wait`() throws {
        let count = SharedState(0)
        let metadata = try metadata()
        let server = try FakeCatalog { request in
            guard request.path.contains("/tables/") else { return nil }
            switch count.change({ (value: inout Int) in
                value += 1
                return value
            }) {
            case 1: return Answer(429, headers: ["Retry-After": "7"])
            case 2: return Answer(503, headers: ["Retry-After": "2"])
            case 3: return Answer(502, "<html>")
            default: return self.loaded(metadata)
            }
        }
        #expect(try catalog(server).loadTable(table).metadata == metadata)
        #expect(waits.all.count == 3 && waits.all[0] == 7_000 && waits.all[1] == 2_000 && waits.all[2...].allSatisfy { (50...1_600).contains($0) })
        let patient = try FakeCatalog { $0.path.contains("/tables/") ? Answer(429, headers: ["Retry-After": "3600"]) : nil }
        let error = refused { _ = try catalog(patient).loadTable(table) }
        #expect(error?.isRetryable == true && waits.all.count == 3, "who asks for an hour is not waited for")
        let broken = try FakeCatalog { $0.path.contains("/tables/") ? Answer(500) : nil }
        #expect(refused { _ = try catalog(broken).loadTable(table) }?.message == "table a.b.t x: answered 500")
        #expect(broken.requests.count == 1 + 6)
    }

    @Test func `a catalog that cannot be reached is worth another try later`() throws {
        var server: FakeCatalog? = try FakeCatalog { _ in Answer(200, "{}", headers: ["Connection": "close"]) }
        let address = try CatalogAddress(uri: server!.url)
        let catalog = try RESTCatalog(address, environment: .instant(waits))
        server = nil
        let gone = try #require(refused { _ = try catalog.loadTable(table) })
        #expect(gone.code == .catalog && gone.isRetryable && gone.message.hasPrefix("table a.b.t x: \(address.uri)/v1/namespaces/a%1Fb/tables/t%20x: "))
    }

    @Test func `what the server says about a table's storage is kept, the nearest credentials first`() throws {
        let metadata = try metadata()
        let server = try FakeCatalog { request in
            guard request.path.contains("/tables/") else { return nil }
            let result: JSONValue = [
                "metadata-location": "s3://w/t/m.json", "metadata": metadata.json, "config": ["s3.endpoint": "http://e", "s3.access-key-id": "wide"],
                "storage-credentials": [
                    ["prefix": "s3://w", "config": ["s3.access-key-id": "w"]], ["prefix": "s3://w/t", "config": ["s3.access-key-id": "t"]],
                    ["prefix": "s3://other", "config": ["s3.access-key-id": "o"]],
                ],
            ]
            return Answer(200, result.text)
        }
        let catalog = try self.catalog(server) { $0.accessDelegation = "vended-credentials" }
        _ = try catalog.loadTable(table)
        #expect(catalog.storageConfiguration[table] == ["s3.endpoint": "http://e", "s3.access-key-id": "t"])
        #expect(server.requests.last?.headers["x-iceberg-access-delegation"] == "vended-credentials")
    }

    // MARK: Commits

    /// A server with an empty table that answers commits with `answer` and has the snapshot afterwards.
    private func committing(_ answer: Answer) throws -> (server: FakeCatalog, change: SnapshotChange, after: TableMetadata) {
        let metadata = try metadata()
        let change = try TableUpdate(metadata: metadata, manifests: [], identity: CommitIdentity(.fixed()))
            .append([DataFile(path: "x", partition: [.date(1)], recordCount: 1, fileSize: 1)], readManifest: { (_) throws(IcebergError) in [] })
        let after = try metadata.applying(change.updates, nowMS: 9)
        let (before, later) = (loaded(metadata), loaded(after))
        let isMade = SharedState(false)
        let server = try FakeCatalog { request in
            guard request.path.contains("/tables/") else { return nil }
            if request.method == "GET" { return isMade.change { $0 } ? later : before }
            isMade.change { $0 = true }
            return answer
        }
        return (server, change, after)
    }

    @Test(arguments: [(200, "{}"), (200, "half of an ans"), (204, ""), (409, ""), (503, "")])
    func `an answer that does not fit the table as it then is does not count`(_ status: Int, _ body: String) throws {
        let (server, change, after) = try committing(Answer(status, body))
        let catalog = try self.catalog(server)
        let base = try catalog.loadTable(table)
        let made = try catalog.commit(change.updates, requirements: change.requirements, on: base)
        #expect(made.metadata == after && server.lines.filter { $0.hasPrefix("POST") }.count == 1)
    }

    @Test func `a conflict behind which the table cannot be loaded may have been our own commit`() throws {
        let metadata = try metadata()
        let (_, change, _) = try committing(Answer(409))
        let before = loaded(metadata)
        let wasAsked = SharedState(false)
        let server = try FakeCatalog { request in
            guard request.path.contains("/tables/") else { return nil }
            if request.method == "GET" { return wasAsked.change { $0 } ? .error(503, "x") : before }
            wasAsked.change { $0 = true }
            return .error(409, "CommitFailedException")
        }
        let catalog = try self.catalog(server)
        let base = try catalog.loadTable(table)
        let error = refused { _ = try catalog.commit(change.updates, requirements: change.requirements, on: base) }
        #expect(error?.code == .outcomeUnknown)
    }

    @Test(arguments: [400, 403, 404, 422]) func `a refusal is believed`(_ status: Int) throws {
        let (server, change, _) = try committing(.error(status, status == 404 ? "NoSuchTableException" : "x"))
        let catalog = try self.catalog(server)
        let base = try catalog.loadTable(table)
        let error = refused { _ = try catalog.commit(change.updates, requirements: change.requirements, on: base) }
        #expect(error?.isRetryable == false && error?.code == [400: .invalid, 403: .catalog, 404: .notFound, 422: .invalid][status])
        #expect(server.lines.count == 3 && waits.all.isEmpty)
    }

    @Test func `a commit that the server is too busy for is sent again when it says`() throws {
        let (server, change, _) = try committing(Answer(429, headers: ["Retry-After": "3"]))
        let catalog = try self.catalog(server)
        let base = try catalog.loadTable(table)
        let error = refused { _ = try catalog.commit(change.updates, requirements: change.requirements, on: base) }
        #expect(error?.code == .catalog && error?.isRetryable == true && waits.all == [3_000, 3_000, 3_000, 3_000, 3_000])
    }

    // MARK: Creation

    /// A server that knows no staging, and whose answer to a creation is `made`.
    private func simpleServer(_ status: Int, found: @escaping @Sendable () -> Answer, made: @escaping @Sendable () -> Answer) throws -> FakeCatalog {
        try FakeCatalog { request in
            if request.json?["stage-create"] == true { return .error(status, "UnsupportedOperationException") }
            if request.method == "POST" { return made() }
            if request.path.contains("/tables/") { return found() }
            return request.path.hasPrefix("/v1/namespaces/") ? Answer(200, "{}") : nil
        }
    }

    @Test(arguments: [400, 406, 501]) func `a server without staging makes the table in one step`(_ status: Int) throws {
        let answer = loaded(try metadata())
        let server = try simpleServer(status, found: { .error(404, "NoSuchTableException") }, made: { answer })
        let made = try catalog(server).createTable(table, try Fixtures.creation())
        #expect(made.metadata == (try metadata()) && server.requests.last?.json?["stage-create"] == false)
        #expect(server.requests.last?.json?["partition-spec"]?["fields"]?.arrayValue?.count == 1)
        #expect(server.requests.last?.json?["write-order"]?["order-id"] == 1 && server.requests.last?.json?["name"] == "t x")
    }

    @Test func `an old table in the answer to a creation is no new one`() throws {
        let fresh = loaded(try metadata())
        let old = loaded(try metadata { $0.metadataLog = [] ; $0.properties = ["other": "1"] })
        let there = try simpleServer(400, found: { old }, made: { fresh })
        #expect(refused { _ = try catalog(there).createTable(table, try Fixtures.creation()) }?.message == "table a.b.t x: exists already")
        let race = try simpleServer(400, found: { .error(404, "NoSuchTableException") }, made: { old })
        #expect(refused { _ = try catalog(race).createTable(table, try Fixtures.creation()) }?.code == .alreadyExists)
        let conflict = try simpleServer(409, found: { old }, made: { fresh })
        #expect(refused { _ = try catalog(conflict).createTable(table, try Fixtures.creation()) }?.code == .alreadyExists)
    }
}
