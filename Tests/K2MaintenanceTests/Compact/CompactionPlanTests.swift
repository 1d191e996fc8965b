import K2Iceberg
import K2Lake
import K2TestSupport
import Testing

@testable import K2Maintenance

struct CompactionPlanTests {
    private static let megabyte: Int64 = 1 << 20

    private func metadata() throws -> TableMetadata {
        let schema = try Schema(fields: [NestedField(1, "day", .date, required: false), NestedField(2, "id", .long, required: true)])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "d", transform: .identity)])
        return try TableMetadata.create(tableUUID: "u", location: "t", schema: schema, spec: spec, nowMS: 1)
    }

    private func file(_ megabytes: Int, day: Int32 = 1, rows: Int64? = nil, spec: Int = 0, format: String = "PARQUET", deletes: [String] = []) -> DeletedFile {
        let size = Int64(megabytes) * Self.megabyte
        let file = DataFile(
            path: "\(day)-\(megabytes)-\(UInt32.random(in: 0 ... .max))", format: format, specID: spec, partition: spec == 0 ? [.date(day)] : [nil],
            recordCount: rows ?? size / 100, fileSize: size)
        func entry(_ file: DataFile) -> ManifestEntry {
            ManifestEntry(status: .existing, snapshotID: 1, sequenceNumber: 1, fileSequenceNumber: 1, file: file)
        }
        return DeletedFile(
            data: entry(file),
            deletes: deletes.map { entry(DataFile(content: .positionDeletes, path: $0, format: $0 == "avro" ? "AVRO" : "PARQUET", partition: [.date(day)], recordCount: 1, fileSize: 1)) })
    }

    private func plan(
        _ files: [DeletedFile], _ change: (inout CompactOptions) -> Void = { _ in }, rows: Int = .max, bytes: Int64 = .max, count: Int = .max
    ) throws -> CompactionPlan {
        var options = CompactOptions()
        change(&options)
        let metadata = try metadata()
        let filter = try options.condition.map { try FileFilter($0, metadata) }
        return CompactionPlan(files, metadata, options, .init(rows: rows, bytes: bytes, files: count), filter: filter)
    }

    private func sizes(_ plan: CompactionPlan) -> [[Int64]] { plan.groups.map { $0.inputs.map { $0.data.file.fileSize / Self.megabyte } } }

    @Test func `small files of a partition become a group when there are enough of them, or enough bytes`() throws {
        #expect(try sizes(plan((0..<4).map { _ in file(1) })) == [])
        #expect(try sizes(plan((0..<5).map { _ in file(1) })) == [[1, 1, 1, 1, 1]])
        #expect(try sizes(plan((0..<3).map { _ in file(1) }) { $0.minInputFiles = 3 }) == [[1, 1, 1]])
        #expect(try sizes(plan([file(80), file(40)])) == [])
        #expect(try sizes(plan([file(80), file(60)])) == [[80, 60]])
        #expect(try sizes(plan((0..<5).map { file(1, day: Int32($0)) })) == [])
    }

    @Test func `a path that is in the table twice is left out, with a line`() throws {
        let files = (0..<7).map { _ in file(1) }
        let plan = try plan(files + [files[2], files[2]])
        #expect(sizes(plan) == [[1, 1, 1, 1, 1, 1]] && !plan.groups[0].inputs.contains { $0.data.file.path == files[2].data.file.path })
        #expect(plan.leftOut == ["\(files[2].data.file.path): left out: it is in the table more than once"])
    }

    @Test func `files near the target are left alone, far larger ones are cut`() throws {
        #expect(try sizes(plan([file(96), file(128), file(230), file(100), file(180)])) == [])
        #expect(try sizes(plan([file(231)])) == [[231]])
        // Large, but of few rows: they cannot be cut into files of the wanted size.
        #expect(try sizes(plan([file(400, rows: 3)])) == [])
        // Large by its footer alone.
        var footer = file(300)
        footer.data.file.columnSizes = [1: 1 << 20, 2: 2 << 20]
        #expect(try sizes(plan([footer])) == [])
    }

    @Test func `files with deletes are always taken, and those beside them that are small`() throws {
        #expect(try sizes(plan([file(128, deletes: ["d"])])) == [[128]])
        #expect(try sizes(plan([file(128, deletes: ["d"]), file(2), file(3, day: 2)])) == [[128, 2]])
    }

    @Test func `files without rows go, whatever is beside them`() throws {
        let (files, empty) = ([file(1), file(2)], [file(1, rows: 0), file(1, rows: 0)])
        #expect(try plan(files + empty).groups.map { $0.inputs.map(\.data.file.path) } == [empty.map(\.data.file.path)])
        #expect(try plan(files + [empty[0]]).groups.map(\.inputs.count) == [1])
        #expect(try sizes(plan(files + empty + [file(3)])) == [[1, 2, 1, 1, 3]])
    }

    @Test func `groups stay within the limits`() throws {
        let files = (0..<20).map { _ in file(10) }
        #expect(try plan(files, bytes: 100 * Self.megabyte).groups.map(\.inputs.count) == [10, 10])
        #expect(try plan(files, count: 7).groups.map(\.inputs.count) == [7, 7, 6])
        #expect(try plan(files, rows: 5 * Int(Self.megabyte) / 10).groups.map(\.inputs.count) == [5, 5, 5, 5])
        // Groups of fewer than the wanted number are taken where limits have cut them from others.
        #expect(try plan(files, count: 3).groups.map(\.inputs.count) == [3, 3, 3, 3, 3, 3, 2] && plan(files, count: 1).groups.isEmpty)
        // A file that is larger than the limits is alone.
        #expect(try sizes(plan([file(300), file(1)], bytes: 100 * Self.megabyte)) == [[300]])
    }

    @Test func `what cannot be read or written is left out and told`() throws {
        var files = [file(1, format: "AVRO"), file(1, deletes: ["avro"]), file(1, spec: 9)] + (0..<5).map { _ in file(1) }
        let plan = try plan(files)
        #expect(plan.groups.map(\.inputs.count) == [5] && plan.leftOut.count == 3)
        #expect(plan.leftOut[0].hasSuffix("left out: a file in AVRO: only Parquet is read"))
        #expect(plan.leftOut[1].hasSuffix("its delete file avro is in AVRO: only Parquet is read"))
        #expect(plan.leftOut[2].hasSuffix("partition spec 9 is not in the table"))
        // Of many with one reason there is one line.
        files = (0..<4).map { _ in file(1, format: "ORC") }
        #expect(try self.plan(files).leftOut == ["\(files[0].data.file.path) and 3 more files: left out: a file in ORC: only Parquet is read"])
        // Files that are no candidates are not told about.
        files = [file(128, format: "ORC")]
        #expect(try self.plan(files).leftOut == [])
    }

    @Test func `a condition leaves partitions out`() throws {
        let files = (0..<20).map { file(1, day: Int32($0 % 2)) }
        #expect(try plan(files) { $0.condition = try? FilePredicate("day = '1970-01-02'") }.groups.map(\.partition.values) == [[.date(1)]])
    }

    @Test func `groups are spread over few commits`() throws {
        let plan = try plan((0..<23 * 5).map { file(1, day: Int32($0 / 5)) })
        #expect(plan.commits(atMost: 10).map(\.count) == [3, 3, 3, 3, 3, 3, 3, 2] && plan.commits(atMost: 1).map(\.count) == [23])
        #expect(plan.commits(atMost: 100).count == 23)
        #expect(try self.plan([]).commits(atMost: 10).isEmpty)
    }

    // MARK: Cutting

    @Test func `files that come out are no candidates again, unless all of it is too little for one`() {
        var random = Seeded.start()
        for _ in 0..<2000 {
            let target: Int64 = 1000
            // Row groups are at most a quarter of the target; the last may be smaller.
            let sizes = (0..<random.int(1...60)).map { _ in Int64(random.int(1...250)) }
            let total = sizes.reduce(0, +)
            let files = OutputFiles.cut(sizes, target: target)
            #expect(files.first?.lowerBound == 0 && files.last?.upperBound == sizes.count && zip(files, files.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            let bytes = files.map { sizes[$0].reduce(0, +) }
            if total < 750 {
                #expect(files.count == 1)
            } else {
                #expect(bytes.allSatisfy { (750...1800).contains($0) }, "seed \(random.seed): \(bytes)")
            }
        }
        #expect(OutputFiles.cut([], target: 10).isEmpty && OutputFiles.cut([100, 100], target: 10).map(\.count) == [1, 1])
    }
}
