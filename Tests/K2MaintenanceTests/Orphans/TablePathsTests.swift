import K2Iceberg
import K2ObjectStore
import Testing

@testable import K2Maintenance

struct TablePathsTests {
    private func paths(_ location: String) throws -> TablePaths {
        let schema = try Schema(fields: [NestedField(1, "_day", .date, required: false)])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "_day", transform: .identity)])
        return try TablePaths(try TableMetadata.create(tableUUID: "u", location: location, schema: schema, spec: spec, nowMS: 0), RealPlaces())
    }

    @Test func `hidden is what begins with an underscore or a dot, but for the folders of partitions`() throws {
        let paths = try paths("file:///w/t")
        for hidden in ["_SUCCESS", "data/_temporary/x", ".x", "data/.y/z", "_quarantine/1/files/a", "data/_hour=1/x", "_delta_log/0.json"] { #expect(paths.isHidden(hidden), "\(hidden)") }
        for plain in ["data/x", "data/_day=2026-01-01/x", "data/a_b/c.d", "metadata/x.avro"] { #expect(!paths.isHidden(plain), "\(plain)") }
    }

    @Test func `a path is told below the location, however it is spelled`() throws {
        for (location, inside) in [("file:///w/t", "/w/t/data/x"), ("s3://b/t", "s3a://b/t/data/x"), ("/w//t", "file:/w/t/data/x")] {
            #expect(try paths(location).relative(inside) == "data/x", "\(location)")
        }
        let paths = try paths("s3://b/t")
        #expect(try paths.relative("s3://b/t2/x") == nil && paths.relative("s3://b/t") == nil && paths.relative("/w/t/x") == nil)
        #expect(paths.quarantined("data/x", "7") == "s3://b/t/_quarantine/7/files/data/x" && paths.quarantineManifest("7") == "s3://b/t/_quarantine/7/manifest.ndjson")
    }
}
