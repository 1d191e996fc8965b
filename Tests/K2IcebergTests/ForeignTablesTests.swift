import K2Iceberg
import K2JSON
import K2ObjectStore
import Testing

/// Tables made by pyiceberg are read by us, down to every transform's value.
@Suite(.serialized, .enabled(if: Python.main != nil, "needs pyiceberg: K2_TEST_PYTHON"))
struct ForeignTablesTests {
    private struct Loaded {
        var lake: TestLake
        var catalog: SQLCatalog
        var report: JSONValue
        var table: Table
    }

    private func load() throws -> Loaded {
        let lake = try TestLake()
        let report = try Python.main!.run(Scripts.createForeign, [lake.catalogPath, lake.warehouse])
        let catalog = try lake.catalog()
        return Loaded(lake: lake, catalog: catalog, report: report, table: try catalog.loadTable(TableIdentifier(["foreign"], "t")))
    }

    @Test func `metadata, manifests and partitions of pyiceberg are understood`() throws {
        let loaded = try load()
        let metadata = loaded.table.metadata
        #expect(try loaded.catalog.namespaces() == [["foreign"]] && loaded.catalog.tables(in: ["foreign"]).map(\.name) == ["t"])
        #expect(metadata.tableUUID == loaded.report["uuid"]?.stringValue)
        #expect(metadata.snapshots.map { JSONValue.integer($0.snapshotID) } == loaded.report["snapshots"]?.arrayValue)
        let files = try TableFiles(metadata: metadata, store: loaded.lake.store).dataFiles()
        let expected = try #require(loaded.report["files"]?.arrayValue)
        #expect(files.count == expected.count && files.reduce(0) { $0 + $1.recordCount } == 8)
        for item in expected {
            let file = try #require(files.first { $0.path == item["path"]?.stringValue })
            let texts = try #require(item["partition"]?.arrayValue).map { $0.stringValue! }
            for (place, value) in file.partition.enumerated() {
                #expect(text(value, scale: 3) == texts[place], "\(metadata.defaultSpec.fields[place].name)")
            }
        }
        // The metadata comes back as it was, member for member.
        let original = try JSONValue(parsing: try loaded.lake.store.get(loaded.table.metadataLocation))
        let printed = metadata.json
        for member in try #require(original.objectValue).members {
            if member.value == .array([]) || member.value == .object(JSONObject()) { continue }
            #expect(printed[member.key] == member.value, "\(member.key)")
        }
    }

    /// As Python's `str` prints the value.
    private func text(_ value: Datum?, scale: Int) -> String {
        switch value {
        case nil: return "None"
        case .int(let number), .date(let number): return String(number)
        case .long(let number), .timestamp(let number), .time(let number): return String(number)
        case .string(let text): return text
        case .decimal(let number):
            let digits = String(number.magnitude)
            let padded = String(repeating: "0", count: max(scale + 1 - digits.count, 0)) + digits
            return (number < 0 ? "-" : "") + padded.dropLast(scale) + "." + padded.suffix(scale)
        case .uuid(let bytes), .fixed(let bytes), .binary(let bytes): return hexText(bytes)
        case .boolean(let flag): return flag ? "True" : "False"
        case .float(let number): return "\(number)"
        case .double(let number): return "\(number)"
        }
    }

    @Test func `our transforms make the partitions that pyiceberg makes`() throws {
        let loaded = try load()
        let spec = loaded.table.metadata.defaultSpec
        let expected = Set(try TableFiles(metadata: loaded.table.metadata, store: loaded.lake.store).dataFiles().map(\.partition))
        let bases = try #require(loaded.report["bases"]?.arrayValue).map { $0.intValue! }
        var ours: Set<[Datum?]> = []
        for row in try #require(loaded.report["rows"]?.arrayValue) {
            ours.insert(
                try spec.partition { id in
                    switch bases[id - 7] {
                    case 1: .long(row["id"]!.int64Value!)
                    case 2: .timestamp(row["ts"]!.int64Value!)
                    case 3: row["symbol"]!.stringValue.map { .string($0) }
                    case 4: .decimal(Int128(row["amount"]!.int64Value!))
                    case 5: .date(Int32(row["d"]!.int64Value!))
                    default: .uuid(hexBytes(row["u"]!.stringValue!))
                    }
                })
        }
        #expect(ours == expected)
    }

    @Test func `manifests can be left out by their partition bounds`() throws {
        let loaded = try load()
        let files = TableFiles(metadata: loaded.table.metadata, store: loaded.lake.store)
        let manifests = try files.manifests()
        let position = try #require(loaded.table.metadata.defaultSpec.fields.firstIndex { $0.name == "sym" })
        #expect(manifests.contains { files.mayContain($0, partitionField: position, value: .string("ETH/USD")) })
        #expect(!manifests.contains { files.mayContain($0, partitionField: position, value: .string("😀")) })
        #expect(manifests.filter { files.mayContain($0, partitionField: position, value: nil) }.count == 1)
    }

    @Test func `our commit to pyiceberg's table trims its metadata log`() throws {
        let loaded = try load()
        var table = loaded.table
        for number in 0..<4 {
            table = try loaded.catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: table)
        }
        #expect(table.metadata.metadataLog.count == 3)
        #expect(table.metadata.metadataLog.last?.metadataFile != table.metadataLocation)
        #expect(table.metadataLocation.contains("/00006-"))
        #expect(try loaded.catalog.loadTable(table.identifier) == table)
    }
}
