import K2Avro
import K2TestSupport
import Testing

/// A record of everything that manifests have, with the wanted fields among the rest.
private let schema = AvroSchema.record(
    "entry",
    [
        AvroField("flag", .boolean, fieldID: 9), AvroField("status", .int, fieldID: 0), AvroField("id", .optional(.long), fieldID: 1),
        AvroField(
            "file",
            .record(
                "file",
                [
                    AvroField("sizes", .optional(AvroSchema(.array(.record("kv", [AvroField("k", .int), AvroField("v", .long)])))), fieldID: 108),
                    AvroField("path", .string, fieldID: 100),
                    AvroField("tuple", .record("tuple", [AvroField("a", .optional(AvroSchema(.fixed(name: "f", size: 3))), fieldID: 1000)]), fieldID: 102),
                    AvroField("names", AvroSchema(.map(.bytes)), fieldID: 200), AvroField("ratio", .double, fieldID: 201), AvroField("part", .float, fieldID: 202),
                    AvroField("size", .long, fieldID: 104), AvroField("note", .optional(.string), fieldID: 300),
                ]), fieldID: 2),
    ])

private func value(_ random: inout Seeded) -> AvroValue {
    let pairs = (0..<Int.random(in: 0...4, using: &random)).map { AvroValue.record([.long(Int64($0)), .long(Int64.random(in: .min ... .max, using: &random))]) }
    let names = (0..<Int.random(in: 0...3, using: &random)).map { AvroMapEntry("n\($0)", .bytes(Array(repeating: 7, count: $0 * 9))) }
    return .record([
        .boolean(Bool.random(using: &random)), .long(Int64.random(in: 0...2, using: &random)),
        Bool.random(using: &random) ? .null : .long(Int64.random(in: .min ... .max, using: &random)),
        .record([
            Bool.random(using: &random) ? .null : .array(pairs), .string("file é \(Int.random(in: 0...99_999, using: &random))"),
            .record([Bool.random(using: &random) ? .null : .bytes([1, 2, 3])]), .map(names), .double(1.5), .float(2),
            .long(Int64.random(in: 0 ... .max, using: &random)), Bool.random(using: &random) ? .null : .string(""),
        ]),
    ])
}

private func file(_ values: [AvroValue], _ codec: AvroCodec) throws -> [UInt8] {
    var writer = try AvroFileWriter(schema: schema, metadata: [("content", Array("data".utf8))], codec: codec, syncMarker: Array(0..<16))
    for value in values { try writer.append(value) }
    return try writer.finish()
}

struct AvroScanTests {
    private static let wanted = [[2, 104], [0], [2, 100], [1], [2, 300], [2, 999], [77]]

    @Test(arguments: [AvroCodec.null, .deflate]) func `the wanted fields are those of the whole record`(_ codec: AvroCodec) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed)
        let values = (0..<3_000).map { _ in value(&random) }
        var scan = try AvroScan(try file(values, codec), fields: Self.wanted)
        #expect(scan.text("content") == "data" && scan.text("other") == nil)
        for (number, value) in values.enumerated() {
            #expect(try scan.next(), "seed \(seed), record \(number)")
            let record = try #require(value.recordValue)
            let inner = try #require(record[3].recordValue)
            #expect(scan.integer(0) == inner[6].longValue && scan.integer(1) == record[1].longValue, "seed \(seed), record \(number)")
            #expect(try scan.text(2) == inner[1].stringValue && scan.integer(3) == record[2].longValue, "seed \(seed), record \(number)")
            #expect(try scan.text(4) == inner[7].stringValue && scan.integer(5) == nil && scan.text(6) == nil)
            #expect(try scan.integer(2) == nil && scan.text(0) == nil, "of another kind")
        }
        #expect(try !scan.next() && !scan.next())
    }

    @Test func `what is no integer and no text cannot be wanted`() throws {
        for fields in [[[2, 108]], [[2]], [[9]], [[2, 201]]] { #expect(throws: AvroError.self) { try AvroScan(try file([], .null), fields: fields) } }
    }

    @Test func `damage is an error, never a trap, and never other records than a whole reading finds`() throws {
        var random = Seeded(1)
        for codec in [AvroCodec.null, .deflate] {
            let whole = try file((0..<30).map { _ in value(&random) }, codec)
            for seed in 0..<3_000 {
                var random = Seeded(UInt64(seed))
                var bytes = whole
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: place)
                    default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                    }
                }
                let read = try? AvroFile(reading: bytes, limit: 1 << 20)
                do {
                    var scan = try AvroScan(bytes, fields: [[0], [2, 100]], limit: 1 << 20)
                    var paths: [String?] = []
                    while try scan.next() { paths.append(try scan.text(1)) }
                    if let read, read.schema == schema { #expect(paths.count == read.values.count, "seed \(seed)") }
                } catch { #expect(error is AvroError, "seed \(seed)") }
            }
        }
    }
}
