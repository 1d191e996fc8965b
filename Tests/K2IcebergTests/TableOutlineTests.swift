import K2JSON
import K2ObjectStore
import Testing

@testable import K2Iceberg

struct TableOutlineTests {
    @Test(arguments: CatalogUnderTest.all) func `an outline says what the metadata does, and a table that is not there has none`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let catalog = try place.catalog()
        let table = try catalog.loadTable(place.trades)
        let entry = try #require(try catalog.entry(place.trades))
        #expect(entry.metadataLocation == table.metadataLocation && entry.likelyLocation == table.metadata.location)
        #expect(try entry.outline.get() == TableOutline(table.metadata))
        #expect(try catalog.entry(TableIdentifier(place.namespace, "nothing"))?.identifier == nil)
        #expect(try catalog.entries(besides: place.trades).allSatisfy { $0.identifier != place.trades })
    }

    @Test(arguments: [CatalogUnderTest.sqlite, .localFiles, .memoryFiles]) func `a table whose metadata is damaged is told with its place`(_ kind: CatalogUnderTest) throws {
        let place = try kind.placeWithTable()
        let table = try place.catalog().loadTable(place.trades)
        try place.store.put(Array("{\"format-version\":2,".utf8), to: table.metadataLocation)
        let entry = try #require(try place.catalog().entry(place.trades))
        #expect(entry.likelyLocation == table.metadata.location)
        let error = #expect(throws: IcebergError.self) { try entry.outline.get() }
        #expect(error?.code == .malformed && error?.isLasting == true)
    }

    @Test func `what later versions add is passed over, and what the first version named itself is read`() throws {
        let text = """
            {"format-version":3,"location":"s3://b/t/","properties":{"write.data.path":"s3://b/d/"},"next-row-id":4,"metadata-log":[{"metadata-file":"m1","timestamp-ms":1}],
            "snapshots":[{"snapshot-id":1,"manifests":["x.avro","y.avro"]},{"snapshot-id":2,"manifest-list":"l.avro","first-row-id":0}],
            "statistics":[{"snapshot-id":2,"statistics-path":"s.puffin"}]}
            """
        let outline = try TableOutline(reading: Array(text.utf8), location: "m2")
        #expect(outline.location == "s3://b/t/" && outline.metadataFolder == "s3://b/t/metadata" && outline.dataFolder == "s3://b/d")
        #expect(outline.manifestLists == ["l.avro"] && outline.manifests == ["x.avro", "y.avro"] && outline.otherFiles == ["m1", "s.puffin"])
        let error = #expect(throws: IcebergError.self) { try TableOutline(reading: Array("{}".utf8), location: "m2") }
        #expect(error?.message == "m2: location: missing")
    }
}
