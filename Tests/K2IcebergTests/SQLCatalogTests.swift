import Foundation
import K2Iceberg
import K2ObjectStore
import K2TestSupport
import Testing

/// What a catalog in a database does, be it SQLite or PostgreSQL.
struct SQLCatalogTests {
    private func refused(_ code: IcebergError.Code, _ body: () throws -> Void) -> String? {
        let error = #expect(throws: IcebergError.self) { try body() }
        #expect(error?.code == code)
        return error?.message
    }

    @Test(arguments: SQLKind.available) func `namespaces and tables are made, listed, loaded and dropped`(_ kind: SQLKind) throws {
        try SQLPlace.with(kind) { place in
            let lake = place.lake
            let catalog = try place.catalog()
            try catalog.createNamespace(["cold"], properties: [:])
            try catalog.createNamespace(["a", "b"], properties: ["owner": "x"])
            #expect(refused(.alreadyExists) { try catalog.createNamespace(["cold"], properties: [:]) } == "namespace cold: exists already")
            #expect(refused(.invalid) { try catalog.createNamespace(["a.b"], properties: [:]) } != nil)
            #expect(try catalog.namespaces() == [["a", "b"], ["cold"]] && catalog.namespaceExists(["a", "b"]) && !catalog.namespaceExists(["x"]))
            let table = try catalog.createTable(Fixtures.trades, try Fixtures.creation())
            #expect(table.metadata.location == lake.warehouse + "/cold/trades" && table.metadataLocation.contains("/cold/trades/metadata/00000-"))
            #expect(try catalog.loadTable(Fixtures.trades) == table)
            #expect(try catalog.tables(in: ["cold"]) == [Fixtures.trades] && catalog.tables(in: ["a", "b"]).isEmpty)
            #expect(refused(.alreadyExists) { _ = try catalog.createTable(Fixtures.trades, try Fixtures.creation()) } == "table cold.trades: exists already")
            #expect(refused(.notFound) { _ = try catalog.createTable(TableIdentifier(["no"], "t"), try Fixtures.creation()) } == "namespace no: no such namespace")
            #expect(refused(.notFound) { _ = try catalog.loadTable(TableIdentifier(["cold"], "no")) } == "table cold.no: no such table")
            #expect(try catalog.findTable(TableIdentifier(["cold"], "no")) == nil && catalog.findTable(Fixtures.trades) == table)
            let other = try place.catalog(name: "other")
            #expect(try other.namespaces().isEmpty && other.findTable(Fixtures.trades) == nil, "rows belong to a catalog name")
            try catalog.dropTable(Fixtures.trades)
            #expect(refused(.notFound) { try catalog.dropTable(Fixtures.trades) } != nil)
            #expect(try lake.store.exists(table.metadataLocation), "dropping forgets, files stay")
        }
    }

    @Test(arguments: SQLKind.available) func `a commit on an old state is a conflict and leaves nothing`(_ kind: SQLKind) throws {
        try SQLPlace.with(kind) { place in
            let lake = place.lake
            let catalog = try place.catalog()
            try catalog.createNamespace(["cold"], properties: [:])
            let base = try catalog.createTable(Fixtures.trades, try Fixtures.creation())
            let first = try catalog.commit([.setProperties(["a": "1"])], requirements: [.tableUUID(base.metadata.tableUUID)], on: base)
            #expect(first.metadata.metadataLog.map(\.metadataFile) == [base.metadataLocation] && first.metadataLocation.contains("/00001-"))
            let files = try lake.store.list(prefix: lake.warehouse)
            let message = refused(.conflict) { _ = try catalog.commit([.setProperties(["a": "2"])], requirements: [], on: base) }
            #expect(message == "table cold.trades: another writer committed \(StoreLocation.name(first.metadataLocation)) first")
            #expect(try lake.store.list(prefix: lake.warehouse) == files)
            #expect(try catalog.loadTable(Fixtures.trades) == first)
        }
    }

    @Test(arguments: SQLKind.available) func `old metadata files are deleted only when the table says so`(_ kind: SQLKind) throws {
        try SQLPlace.with(kind) { place in
            let lake = place.lake
            let catalog = try place.catalog()
            try catalog.createNamespace(["cold"], properties: [:])
            var creation = try Fixtures.creation()
            creation.properties["write.metadata.previous-versions-max"] = "2"
            creation.properties["write.metadata.delete-after-commit.enabled"] = "true"
            var table = try catalog.createTable(Fixtures.trades, creation)
            for number in 0..<5 { table = try catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: table) }
            let left = try lake.store.list(prefix: table.metadata.metadataFolder).map(\.location)
            #expect(left == (table.metadata.metadataLog.map(\.metadataFile) + [table.metadataLocation]).sorted() && left.count == 3)
        }
    }

    @Test func `a file that is no database, and a metadata file that is missing or broken, are named`() throws {
        let lake = try TestLake()
        try Data("certainly no database; this text is longer than a header would be, by far, I think".utf8).write(to: URL(fileURLWithPath: lake.catalogPath))
        #expect(refused(.catalog) { _ = try lake.catalog() } == "\(lake.catalogPath): not a database")
        try FileManager.default.removeItem(atPath: lake.catalogPath)
        let catalog = try lake.catalog()
        try catalog.createNamespace(["cold"], properties: [:])
        let table = try catalog.createTable(Fixtures.trades, try Fixtures.creation())
        try lake.store.put(Array("{\"format-version\":2,".utf8), to: table.metadataLocation)
        #expect(refused(.malformed) { _ = try catalog.loadTable(Fixtures.trades) } == "\(table.metadataLocation): json: expected a key, found the end (byte 20)")
        try lake.store.delete(table.metadataLocation)
        #expect(refused(.missingFile) { _ = try catalog.findTable(Fixtures.trades) } == "\(table.metadataLocation): open: no such file or directory")
    }

    @Test(arguments: SQLKind.available) func `a full disk while the metadata is written leaves the table as it was`(_ kind: SQLKind) throws {
        try SQLPlace.with(kind) { place in
            let store = MemoryStore()
            let catalog = try place.catalog(store: store)
            try catalog.createNamespace(["cold"], properties: [:])
            let table = try catalog.createTable(Fixtures.trades, try Fixtures.creation())
            store.inject(.init(.put, locationContains: ".metadata.json", code: .noSpace, reason: "write: no space left on device"))
            #expect(refused(.storage) { _ = try catalog.commit([.setProperties(["a": "1"])], requirements: [], on: table) }?.hasSuffix(": write: no space left on device") == true)
            #expect(try catalog.loadTable(Fixtures.trades) == table)
        }
    }
}
