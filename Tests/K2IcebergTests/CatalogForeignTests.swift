import K2Iceberg
import K2JSON
import K2ObjectStore
import Testing

/// Tables of every catalog that other programs can open, written by both sides in turn.
@Suite(.serialized, .enabled(if: Python.main != nil, "needs pyiceberg: K2_TEST_PYTHON"))
struct CatalogForeignTests {
    private let python = Python.main!
    /// 2024-10-04 in days since 1970.
    private static let day: Int32 = 20_000

    /// How pyiceberg finds the table: in the catalog, or by its folder.
    private func location(_ place: CatalogPlace, _ table: Table) -> String {
        guard let properties = place.pyiceberg else { return JSONValue.object(strings(["folder": table.metadata.location])).text }
        return named(properties, table.identifier)
    }

    private func named(_ properties: [String: String], _ identifier: TableIdentifier) -> String {
        let value: JSONValue = ["catalog": .object(strings(properties)), "name": .string(identifier.description)]
        return value.text
    }

    private func strings(_ values: [String: String]) -> JSONObject {
        var object = JSONObject()
        for key in values.keys.sorted() { object[key] = .string(values[key]!) }
        return object
    }

    /// Has pyarrow write `count` rows from `start` on and appends the file.
    private func append(_ start: Int, _ count: Int, _ place: CatalogPlace, _ table: Table) throws {
        let written = try python.run(Scripts.anyCatalog, ["write", location(place, table), "\(start)", "\(count)", "\(Self.day)"])
        let file = DataFile(
            path: try #require(written["path"]?.stringValue), specID: table.metadata.defaultSpecID, partition: [.date(Self.day)],
            recordCount: Int64(count), fileSize: try #require(written["size"]?.int64Value))
        let loop = CommitLoop(catalog: try place.catalog(), store: place.store)
        _ = try loop.append([file], to: table.identifier, summary: ["batch": "b\(start)"])
    }

    private func sum(_ ranges: Range<Int>...) -> JSONValue { .integer(ranges.joined().reduce(0, +)) }

    @Test(arguments: CatalogUnderTest.withForeignReaders) func `pyiceberg reads our table, and both append to it`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let table = try place.catalog().loadTable(place.trades)
        try append(0, 100, place, table)
        try append(100, 50, place, table)
        var found = try python.run(Scripts.anyCatalog, ["describe", location(place, table)])
        #expect(found["rows"] == 150 && found["sum"] == sum(0..<150) && found["day"] == 2 && found["batches"] == ["b0", "b100"])
        guard place.pyiceberg != nil else { return }
        try python.run(Scripts.anyCatalog, ["append", location(place, table), "1000", "10", "\(Self.day + 5)"])
        let between = try place.catalog().loadTable(place.trades)
        let live = try TableFiles(metadata: between.metadata, store: place.store).dataFiles()
        #expect(live.reduce(0) { $0 + $1.recordCount } == 160 && Set(live.map(\.partition)) == [[.date(Self.day)], [.date(Self.day + 5)]])
        try append(200, 20, place, between)
        found = try python.run(Scripts.anyCatalog, ["describe", location(place, table)])
        #expect(found["rows"] == 180 && found["sum"] == sum(0..<150, 200..<220, 1000..<1010) && found["snapshots"] == 4 && found["day"] == 3)
    }

    @Test(arguments: CatalogUnderTest.withForeignReaders.filter { $0.name != "files" })
    func `we open pyiceberg's table, append to it and change it`(_ kind: CatalogUnderTest) throws {
        let place = try kind.place()
        let properties = try #require(place.pyiceberg)
        let identifier = TableIdentifier(place.namespace, "theirs")
        let report = try python.run(Scripts.anyCatalog, ["create", named(properties, identifier)])
        try python.run(Scripts.anyCatalog, ["append", named(properties, identifier), "0", "30", "\(Self.day)"])
        let catalog = try place.catalog()
        #expect(try catalog.tables(in: place.namespace) == [identifier] && catalog.namespaceExists(place.namespace))
        let table = try catalog.loadTable(identifier)
        #expect(.string(table.metadata.tableUUID) == report["uuid"] && table.metadata.properties["made.by"] == "pyiceberg")
        try append(30, 20, place, table)
        let base = try catalog.loadTable(identifier)
        var schema = base.metadata.currentSchema
        schema.schemaID += 1
        schema.fields.append(NestedField(base.metadata.lastColumnID + 1, "more", .string, required: false))
        _ = try catalog.commit(
            [.addSchema(schema), .setCurrentSchema(id: schema.schemaID), .setProperties(["k2": "was here"])], requirements: [], on: base)
        try python.run(Scripts.anyCatalog, ["append", named(properties, identifier), "100", "5", "\(Self.day)"])
        let found = try python.run(Scripts.anyCatalog, ["describe", named(properties, identifier)])
        #expect(found["rows"] == 55 && found["sum"] == sum(0..<50, 100..<105) && found["properties"]?["k2"] == "was here")
        #expect(found["columns"] == ["id", "ts", "symbol", "more"])
    }

    @Test(.enabled(if: Python.duckDB != nil, "needs DuckDB 1.5.5 with its extensions: K2_TEST_DUCKDB_ICEBERG_PYTHON"))
    func `DuckDB and the ClickHouse engine read a catalog of files by the table's folder`() throws {
        let place = try CatalogUnderTest.localFiles.placeWithTable()
        let table = try place.catalog().loadTable(place.trades)
        for start in [0, 100, 200] { try append(start, 100, place, table) }
        let folder = try StoreLocation.localPath(table.metadata.location)
        let duck = try Python.duckDB!.run(Scripts.duckDB, [folder])
        #expect(duck["rows"]?.arrayValue?[0] == 300 && duck["rows"]?.arrayValue?[1] == sum(0..<300))
        let click = try python.run(Scripts.clickHouse, [folder])
        #expect(click["rows"]?.arrayValue?[0] == "300")
    }
}
