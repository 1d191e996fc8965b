import K2Avro
import K2JSON
import Testing

private let schema = AvroSchema.record(
    "row", [AvroField("id", .long, fieldID: 1), AvroField("name", .optional(.string), fieldID: 2, defaultValue: .null)])
private let sync: [UInt8] = Array(0..<16)

private func file(_ count: Int, _ codec: AvroCodec) throws -> [UInt8] {
    var writer = try AvroFileWriter(schema: schema, metadata: [("k", [1, 2]), ("empty", [])], codec: codec, syncMarker: sync)
    for number in 0..<count {
        try writer.append(.record([.long(Int64(number)), number % 3 == 0 ? .null : .string("name \(number)")]))
    }
    return try writer.finish()
}

struct AvroContainerTests {
    @Test(arguments: [0, 1, 2, 20_000], [AvroCodec.null, .deflate]) func `what was written is read`(_ count: Int, _ codec: AvroCodec) throws {
        let read = try AvroFile(reading: try file(count, codec))
        #expect(read.schema == schema && read.metadata["k"] == [1, 2] && read.metadata["empty"] == [])
        #expect(read.text("avro.codec") == codec.rawValue)
        #expect(read.values.count == count)
        #expect(count < 2 || read.values[1] == .record([.long(1), .string("name 1")]))
    }

    @Test func `equal input gives equal bytes`() throws { #expect(try file(500, .deflate) == file(500, .deflate)) }

    @Test func `every cut file is refused`() throws {
        let whole = try file(3, .null)
        let headerLength = try file(0, .null).count
        for length in 0..<whole.count {
            // A file that ends right after its header has no blocks and is whole.
            let cut = Array(whole[..<length])
            guard let read = try? AvroFile(reading: cut) else { continue }
            #expect(read.values.isEmpty && length == headerLength, "cut at \(length)")
        }
    }

    @Test func `damage is an error, never a trap`() throws {
        for codec in [AvroCodec.null, .deflate] {
            let whole = try file(40, codec)
            for seed in 0..<4000 {
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
                do { _ = try AvroFile(reading: bytes, limit: 1 << 20) } catch { #expect(error is AvroError, "seed \(seed)") }
            }
        }
    }

    @Test func `a decompressed block may not exceed the limit`() throws {
        let bytes = try file(20_000, .deflate)
        #expect(throws: AvroError.self) { try AvroFile(reading: bytes, limit: 10_000) }
    }

    @Test func `other codecs and files are told`() throws {
        #expect(throws: AvroError(.malformed, "not an avro container file", at: 0)) { try AvroFile(reading: Array("PAR1....".utf8)) }
        #expect(throws: AvroError(.malformed, "not an avro container file", at: 0)) { try AvroFile(reading: []) }
        var bytes = try file(1, .null)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("null".utf8)) && bytes[..<$0].suffix(1) == [8] })
        bytes.replaceSubrange(place..<(place + 4), with: Array("zstd".utf8))
        #expect(throws: AvroError(.unsupported, "codec \"zstd\" is not read")) { try AvroFile(reading: bytes) }
    }
}
