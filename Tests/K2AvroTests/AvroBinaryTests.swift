import K2Avro
import K2Bytes
import K2JSON
import Testing

/// A small generator for property tests; the seed is printed with a failure.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 2 &+ 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_f491_4f6c_dd1d
    }
}

func encoded(_ value: AvroValue, _ schema: AvroSchema) throws -> [UInt8] {
    var writer = ByteWriter()
    try schema.encode(value, into: &writer)
    return writer.array
}

func decoded(_ bytes: [UInt8], _ schema: AvroSchema) throws -> AvroValue {
    var decoder = AvroDecoder(bytes.span)
    let value = try decoder.decode(schema)
    let isAtEnd = decoder.isAtEnd
    #expect(isAtEnd)
    return value
}

struct AvroBinaryTests {
    @Test func `the examples of the specification`() throws {
        #expect(try encoded(.long(-64), .long) == [0x7f])
        #expect(try encoded(.long(64), .long) == [0x80, 0x01])
        #expect(try encoded(.string("foo"), .string) == [0x06, 0x66, 0x6f, 0x6f])
        let record = AvroSchema.record("test", [AvroField("a", .long), AvroField("b", .string)])
        #expect(try encoded(.record([.long(27), .string("foo")]), record) == [0x36, 0x06, 0x66, 0x6f, 0x6f])
        #expect(try encoded(.array([.long(3), .long(27)]), AvroSchema(.array(.long))) == [0x04, 0x06, 0x36, 0x00])
        let union = AvroSchema.optional(.string)
        #expect(try encoded(.null, union) == [0x00] && encoded(.string("a"), union) == [0x02, 0x02, 0x61])
        // A block with its size in bytes, as other writers make them.
        #expect(try decoded([0x03, 0x04, 0x06, 0x36, 0x00], AvroSchema(.array(.long))) == .array([.long(3), .long(27)]))
    }

    static func randomSchema(_ random: inout Seeded, depth: Int) -> AvroSchema {
        switch Int.random(in: 0..<(depth > 3 ? 9 : 13), using: &random) {
        case 0: .null
        case 1: .boolean
        case 2: .int
        case 3: .long
        case 4: .float
        case 5: .double
        case 6: .bytes
        case 7: .string
        case 8: AvroSchema(.fixed(name: "f\(random.next())", size: Int.random(in: 0...20, using: &random)))
        case 9: AvroSchema(.array(randomSchema(&random, depth: depth + 1))).with("element-id", 5)
        case 10: AvroSchema(.map(randomSchema(&random, depth: depth + 1)))
        case 11: .optional(AvroSchema(.array(randomSchema(&random, depth: depth + 1))))
        default:
            .record(
                "r\(random.next())",
                (0..<Int.random(in: 0...4, using: &random)).map { AvroField("f\($0)", randomSchema(&random, depth: depth + 1), fieldID: $0 + 100) })
        }
    }

    static func randomValue(_ schema: AvroSchema, _ random: inout Seeded) -> AvroValue {
        switch schema.kind {
        case .null: return .null
        case .boolean: return .boolean(Bool.random(using: &random))
        case .int: return .long(Int64(Int32.random(in: .min ... .max, using: &random)))
        case .long: return .long(Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0...63, using: &random))
        case .float: return .float(Float.random(in: -1e30...1e30, using: &random))
        case .double: return .double(Double.random(in: -1e300...1e300, using: &random))
        case .bytes: return .bytes((0..<Int.random(in: 0...9, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .fixed(_, let size): return .bytes((0..<size).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .string: return .string(["", "a", "é😀", "longer text than most"].randomElement(using: &random)!)
        case .array(let items): return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in randomValue(items, &random) })
        case .map(let items): return .map((0..<Int.random(in: 0...4, using: &random)).map { AvroMapEntry("k\($0)", randomValue(items, &random)) })
        case .record(_, let fields): return .record(fields.map { randomValue($0.schema, &random) })
        case .union(let branches): return randomValue(branches.randomElement(using: &random)!, &random)
        }
    }

    @Test(arguments: 0..<300) func `random values of random schemas come back`(_ seed: UInt64) throws {
        var random = Seeded(seed)
        let schema = Self.randomSchema(&random, depth: 0)
        let value = Self.randomValue(schema, &random)
        #expect(try decoded(encoded(value, schema), schema) == value, "seed \(seed)")
        #expect(try AvroSchema(json: schema.json) == schema, "seed \(seed)")
    }

    @Test func `a value of another shape is refused, not written`() {
        #expect(throws: AvroError(.mismatch, "int: 4294967296 does not fit")) { try encoded(.long(1 << 32), .int) }
        #expect(throws: AvroError(.mismatch, "expected string, found an integer")) { try encoded(.long(1), .string) }
        #expect(throws: AvroError(.mismatch, "fixed f: expected 4 bytes, found 1")) {
            try encoded(.bytes([1]), AvroSchema(.fixed(name: "f", size: 4)))
        }
        #expect(throws: AvroError(.mismatch, "union: no branch takes a string")) { try encoded(.string(""), .optional(.long)) }
    }

    @Test func `bytes that break the format are refused with their place`() {
        #expect(throws: AvroError(.malformed, "length 63 with 1 bytes left", at: 0)) { try decoded([0x7e, 0], .string) }
        #expect(throws: AvroError(.malformed, "length -1 with 0 bytes left", at: 0)) { try decoded([0x01], .bytes) }
        #expect(throws: AvroError(.malformed, "union: branch 2 of 2", at: 0)) { try decoded([0x04], .optional(.long)) }
        #expect(throws: AvroError(.malformed, "string is not utf-8", at: 0)) { try decoded([0x02, 0xff], .string) }
        #expect(throws: AvroError(.malformed, "boolean: expected 0 or 1, found 2", at: 0)) { try decoded([2], .boolean) }
        #expect(throws: AvroError(.malformed, "bytes end too early", at: 1)) { try decoded([0x80], .long) }
    }

    @Test func `items that take no bytes cannot fill the memory`() {
        let huge = try! encoded(.long(1 << 50), .long) + [0]
        let error = #expect(throws: AvroError.self) { try decoded(huge, AvroSchema(.array(.null))) }
        #expect(error?.reason == "more values than the bytes can hold")
        #expect(throws: AvroError.self) { try decoded(huge, AvroSchema(.array(.record("e", [])))) }
    }
}
