import K2Bytes
import Testing

@testable import K2Parquet

struct ByteArrayEncodingTests {
    private static func randomColumn(_ random: inout SeededGenerator) -> ByteColumn {
        var column = ByteColumn()
        var last: [UInt8] = []
        for _ in 0..<Int.random(in: 0...400, using: &random) {
            if random.chance(50) { last = Array(last.prefix(Int.random(in: 0...last.count, using: &random))) }
            if random.chance(20) { last = [] }
            last += (0..<Int.random(in: 0...12, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            column.append(last.span)
        }
        return column
    }

    @Test func randomValuesComeBack() throws {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let column = Self.randomColumn(&random)
            let count = column.count
            let slices = ByteSlices(column: column, positions: [UInt32](0..<UInt32(count)))
            var plain = PageBuffer()
            var length = PageBuffer()
            var delta = PageBuffer()
            slices.withUnsafe { slices in
                ByteArrayEncoding.encodePlain(slices, 0..<count, into: &plain)
                ByteArrayEncoding.encodeDeltaLength(slices, 0..<count, into: &length)
                ByteArrayEncoding.encodeDelta(slices, 0..<count, into: &delta)
            }
            var (first, second, third) = (ByteColumn(), ByteColumn(), ByteColumn())
            try ByteArrayEncoding.decodePlain(plain.bytes, count: count, into: &first)
            try ByteArrayEncoding.decodeDeltaLength(length.bytes, count: count, into: &second)
            try ByteArrayEncoding.decodeDelta(delta.bytes, count: count, maxBytes: 1 << 20, into: &third)
            #expect(first == column && second == column && third == column, "seed \(seed)")
        }
    }

    @Test func aPartStartsWithoutAPrefix() throws {
        let column = ByteColumn(["BINANCE-10", "BINANCE-11", "BINANCE-12"])
        let slices = ByteSlices(column: column, positions: [0, 1, 2])
        var delta = PageBuffer()
        slices.withUnsafe { ByteArrayEncoding.encodeDelta($0, 1..<3, into: &delta) }
        var decoded = ByteColumn()
        try ByteArrayEncoding.decodeDelta(delta.bytes, count: 2, maxBytes: 100, into: &decoded)
        #expect(decoded == ByteColumn(["BINANCE-11", "BINANCE-12"]))
    }

    @Test func prefixesThatUnfoldTooFarAreErrors() {
        let column = ByteColumn((0..<100).map { String(repeating: "x", count: $0) })
        let slices = ByteSlices(column: column, positions: [UInt32](0..<100))
        var delta = PageBuffer()
        slices.withUnsafe { ByteArrayEncoding.encodeDelta($0, 0..<100, into: &delta) }
        var decoded = ByteColumn()
        let bytes = Array(delta.raw)
        #expect(throws: ByteError.self) { try ByteArrayEncoding.decodeDelta(bytes.span, count: 100, maxBytes: 1000, into: &decoded) }
    }
}
