import K2Iceberg
import K2JSON
import K2ObjectStore
import Testing

/// What only a catalog of files has: versions, hints, and a store that answers badly.
struct FileCatalogTests {
    private let store = MemoryStore()
    private let folder = "memory://lake/cold/trades/metadata/"

    private func catalog(seed: UInt64 = 1) throws -> FileCatalog {
        try FileCatalog(root: "memory://lake", store: store, environment: .fixed(seed: seed))
    }

    private func catalogWithTable(_ properties: [String: String] = [:]) throws -> (FileCatalog, Table) {
        let catalog = try catalog()
        try catalog.createNamespace(["cold"], properties: [:])
        var creation = try Fixtures.creation()
        creation.properties.merge(properties) { $1 }
        return (catalog, try catalog.createTable(Fixtures.trades, creation))
    }

    private func refused(_ code: IcebergError.Code, _ body: () throws -> Void) -> String? {
        let error = #expect(throws: IcebergError.self) { try body() }
        #expect(error?.code == code)
        return error?.message
    }

    private var hint: String? { (try? store.get(folder + "version-hint.text")).map { String(decoding: $0, as: UTF8.self) } }

    @Test func `versions count from 1 and the hint names the newest, without a newline`() throws {
        var (catalog, table) = try catalogWithTable()
        #expect(table.metadataLocation == folder + "v1.metadata.json" && hint == "1" && table.metadata.location == "memory://lake/cold/trades")
        for number in 2...12 {
            table = try catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: table)
            #expect(table.metadataLocation == folder + "v\(number).metadata.json" && hint == "\(number)")
        }
        #expect(table.metadata.metadataLog.map(\.metadataFile) == (1...11).map { folder + "v\($0).metadata.json" })
    }

    @Test(arguments: ["1", "3", "7", "0", "-1", "99", "", "v5", "5\n", " 4 ", "00004-abc", "99999999999999999999", "ünsinn", nil])
    func `a hint that is behind, ahead, missing or nonsense changes nothing`(_ text: String?) throws {
        var (catalog, table) = try catalogWithTable()
        for number in 2...5 { table = try catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: table) }
        if let text { try store.put(Array(text.utf8), to: folder + "version-hint.text") } else { try store.delete(folder + "version-hint.text") }
        #expect(try self.catalog().loadTable(Fixtures.trades) == table)
        let next = try catalog.commit([.setProperties(["n": "6"])], requirements: [], on: try catalog.loadTable(Fixtures.trades))
        #expect(next.metadataLocation == folder + "v6.metadata.json" && hint == "6")
    }

    @Test func `a hint far behind is not followed step by step`() throws {
        var (catalog, table) = try catalogWithTable()
        for number in 2...90 { table = try catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: table) }
        try store.put(Array("1".utf8), to: folder + "version-hint.text")
        let before = store.log.count
        #expect(try catalog.loadTable(Fixtures.trades) == table)
        #expect(store.log.count - before < 80)
    }

    @Test func `a writer killed before the hint is written has committed`() throws {
        let (catalog, table) = try catalogWithTable()
        store.inject(.init(.put, locationContains: "version-hint", code: .noSpace))
        let next = try catalog.commit([.setProperties(["a": "1"])], requirements: [], on: table)
        #expect(hint == "1")
        #expect(try self.catalog().loadTable(Fixtures.trades) == next)
        #expect(refused(.conflict) { _ = try catalog.commit([.setProperties(["a": "2"])], requirements: [], on: table) }
            == "table cold.trades: another writer committed v2.metadata.json first")
    }

    @Test func `a writer that slept over many commits does not take the place of a removed version`() throws {
        let (catalog, old) = try catalogWithTable(["write.metadata.previous-versions-max": "1", "write.metadata.delete-after-commit.enabled": "true"])
        var table = old
        for number in 2...9 { table = try catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: table) }
        let sizes = try (1...9).map { try store.size(folder + "v\($0).metadata.json") }
        #expect(sizes.prefix(7).allSatisfy { $0 == 0 } && sizes.suffix(2).allSatisfy { $0 > 0 })
        #expect(refused(.conflict) { _ = try self.catalog(seed: 7).commit([.setProperties(["late": "1"])], requirements: [], on: old) } != nil)
        try store.put(Array("2".utf8), to: folder + "version-hint.text")
        #expect(try catalog.loadTable(Fixtures.trades) == table, "removed versions are stepped over")
    }

    @Test func `a table that was dropped counts on when it is made anew`() throws {
        let (catalog, old) = try catalogWithTable()
        try catalog.dropTable(Fixtures.trades)
        #expect(hint == nil)
        #expect(try store.size(folder + "v2.metadata.json") == 0 && store.exists(folder + "v1.metadata.json"))
        #expect(refused(.conflict) { _ = try self.catalog(seed: 3).commit([.setProperties(["a": "1"])], requirements: [], on: old) } != nil)
        let anew = try self.catalog(seed: 4).createTable(Fixtures.trades, try Fixtures.creation())
        #expect(anew.metadataLocation == folder + "v3.metadata.json" && hint == "3")
    }

    // MARK: A store that answers badly

    @Test func `a commit that arrived though the answer was lost is made, and one that did not is sent again`() throws {
        let (catalog, first) = try catalogWithTable()
        store.inject(.init(.putIfAbsent, moment: .after, code: .outcomeUnknown, reason: "connection lost"))
        let second = try catalog.commit([.setProperties(["a": "1"])], requirements: [], on: first)
        store.inject(.init(.putIfAbsent, moment: .before, code: .outcomeUnknown, reason: "connection lost"))
        let third = try catalog.commit([.setProperties(["a": "2"])], requirements: [], on: second)
        // The store tried twice by itself and met its own first try.
        store.inject(.init(.putIfAbsent, moment: .after, code: .alreadyExists))
        let fourth = try catalog.commit([.setProperties(["a": "3"])], requirements: [], on: third)
        #expect(try catalog.loadTable(Fixtures.trades) == fourth && fourth.metadataLocation == folder + "v4.metadata.json")
    }

    @Test func `an outcome that cannot be found out is unknown`() throws {
        let (catalog, table) = try catalogWithTable()
        store.inject(.init(.putIfAbsent, moment: .after, code: .outcomeUnknown, reason: "connection lost"))
        store.inject(.init(.get, locationContains: "v2", reason: "timed out"))
        #expect(refused(.outcomeUnknown) { _ = try catalog.commit([.setProperties(["a": "1"])], requirements: [], on: table) }
            == "memory://lake/cold/trades/metadata/v2.metadata.json: connection lost: outcome unknown: reading back: timed out")
        let now = try catalog.loadTable(Fixtures.trades)
        store.inject(.init(.putIfAbsent, count: 3, moment: .before, code: .outcomeUnknown, reason: "connection lost"))
        #expect(refused(.outcomeUnknown) { _ = try catalog.commit([.setProperties(["a": "2"])], requirements: [], on: now) } != nil)
        store.clearFaults()
        #expect(try catalog.loadTable(Fixtures.trades) == now)
    }

    @Test func `a full disk changes nothing`() throws {
        let (catalog, table) = try catalogWithTable()
        store.inject(.init(.putIfAbsent, code: .noSpace, reason: "write: no space left on device"))
        #expect(refused(.storage) { _ = try catalog.commit([.setProperties(["a": "1"])], requirements: [], on: table) }?.hasSuffix("no space left on device") == true)
        #expect(try catalog.loadTable(Fixtures.trades) == table)
    }

    // MARK: What is refused

    @Test func `a store that cannot create exclusively is refused`() {
        #expect(refused(.unsupported) { _ = try FileCatalog(root: "x/", store: LooseStore()) }
            == "x: the store cannot create exclusively: two commits could both succeed")
    }

    @Test func `other places than the table's folder are refused`() throws {
        let (catalog, table) = try catalogWithTable()
        var creation = try Fixtures.creation()
        creation.location = "memory://elsewhere/t"
        let other = TableIdentifier(["cold"], "t")
        #expect(refused(.invalid) { _ = try catalog.createTable(other, creation) } == "table cold.t: location: expected memory://lake/cold/t, found memory://elsewhere/t")
        creation.location = "memory://lake/cold/t/"
        #expect(try catalog.createTable(other, creation).metadata.location == "memory://lake/cold/t")
        #expect(refused(.invalid) { _ = try catalog.commit([.setProperties(["write.metadata.path": "x"])], requirements: [], on: table) } != nil)
        var moved = table
        moved.metadataLocation = "memory://lake/cold/t/metadata/v1.metadata.json"
        #expect(refused(.invalid) { _ = try catalog.commit([], requirements: [], on: moved) } != nil)
    }

    @Test func `names that are no folders are refused`() throws {
        let catalog = try catalog()
        for names in [["a.b"], ["a/b"], ["..", "x"], [".hidden"], ["a\nb"], [""], []] {
            #expect(refused(.invalid) { try catalog.createNamespace(names, properties: [:]) } != nil)
        }
        for name in ["", ".", "..", "a/b", ".x.tmp"] {
            #expect(refused(.invalid) { _ = try catalog.loadTable(TableIdentifier(["cold"], name)) } != nil)
        }
    }

    @Test func `folders of tables, namespaces and other catalogs are kept apart`() throws {
        let (catalog, _) = try catalogWithTable()
        #expect(refused(.alreadyExists) { try catalog.createNamespace(["cold", "trades"], properties: [:]) } != nil)
        #expect(refused(.notFound) { _ = try catalog.createTable(TableIdentifier(["cold", "trades"], "t"), try Fixtures.creation()) } != nil)
        try catalog.createNamespace(["cold", "inner"], properties: [:])
        #expect(refused(.alreadyExists) { _ = try catalog.createTable(TableIdentifier(["cold"], "inner"), try Fixtures.creation()) } != nil)
        try store.put([1], to: "memory://lake/cold/sql/metadata/00000-uuid.metadata.json")
        let message = refused(.alreadyExists) { _ = try catalog.createTable(TableIdentifier(["cold"], "sql"), try Fixtures.creation()) }
        #expect(message == "table cold.sql: memory://lake/cold/sql/metadata/00000-uuid.metadata.json belongs to a table of another catalog")
        #expect(try catalog.namespaces() == [["cold"], ["cold", "inner"]] && catalog.tables(in: ["cold"]) == [Fixtures.trades])
    }

    @Test func `compressed versions of another writer are not overlooked`() throws {
        let (catalog, table) = try catalogWithTable()
        try store.put([0x1f, 0x8b], to: folder + "v2.gz.metadata.json")
        try store.put(Array("2".utf8), to: folder + "version-hint.text")
        #expect(refused(.unsupported) { _ = try catalog.loadTable(Fixtures.trades) } == "\(folder)v2.gz.metadata.json: compressed metadata is not read")
        _ = table
    }

    @Test func `namespaces of foreign folders exist because of their tables`() throws {
        let (_, table) = try catalogWithTable()
        try store.put(table.metadata.json.bytes, to: "memory://lake/x/y/t/metadata/v4.metadata.json")
        let catalog = try catalog()
        #expect(try catalog.namespaceExists(["x"]) && catalog.namespaceExists(["x", "y"]) && !catalog.namespaceExists(["x", "y", "t"]))
        #expect(try catalog.tables(in: ["x", "y"]).map(\.name) == ["t"] && catalog.tables(in: ["x"]).isEmpty)
        #expect(try catalog.loadTable(TableIdentifier(["x", "y"], "t")).metadata == table.metadata)
    }
}

/// A store that only claims less than it can.
private struct LooseStore: ObjectStore {
    let store = MemoryStore()
    var capabilities: StoreCapabilities { StoreCapabilities(atomicPutIfAbsent: false, durablePut: false, consistentListing: true) }
    func get(_ location: String) throws(StoreError) -> [UInt8] { try store.get(location) }
    func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8] { try store.get(location, range: range) }
    func size(_ location: String) throws(StoreError) -> Int64 { try store.size(location) }
    func put(_ bytes: [UInt8], to location: String) throws(StoreError) { try store.put(bytes, to: location) }
    func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError) { try store.putIfAbsent(bytes, to: location) }
    func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter { try store.openWriter(location) }
    func list(prefix: String) throws(StoreError) -> [StoredObject] { try store.list(prefix: prefix) }
    func delete(_ location: String) throws(StoreError) -> Bool { try store.delete(location) }
}
