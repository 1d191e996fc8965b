@testable import K2Iceberg
import Testing

struct SingleValueTests {
    @Test(arguments: [
        (Datum.boolean(true), PrimitiveType.boolean, "01"), (.int(-2), .int, "feffffff"), (.long(1), .long, "0100000000000000"),
        (.float(1), .float, "0000803f"), (.double(-2), .double, "00000000000000c0"), (.date(20000), .date, "204e0000"),
        (.timestamp(-1), .timestamptz, "ffffffffffffffff"), (.string("é"), .string, "c3a9"), (.uuid(Array(0..<16)), .uuid, "000102030405060708090a0b0c0d0e0f"),
        (.fixed([1, 2]), .fixed(2), "0102"), (.binary([]), .binary, ""), (.decimal(0), .decimal(precision: 9, scale: 2), "00"),
        (.decimal(128), .decimal(precision: 9, scale: 2), "0080"), (.decimal(-128), .decimal(precision: 9, scale: 2), "80"),
        (.decimal(-129), .decimal(precision: 9, scale: 2), "ff7f"), (.decimal(1420), .decimal(precision: 9, scale: 2), "058c"),
        (.decimal(.max), .decimal(precision: 38, scale: 0), "7fffffffffffffffffffffffffffffff"),
        (.decimal(.min), .decimal(precision: 38, scale: 0), "80000000000000000000000000000000"),
    ])
    func `bytes are those of the specification and come back`(_ value: Datum, _ type: PrimitiveType, _ hex: String) {
        #expect(hexText(value.singleValue) == hex)
        #expect(Datum(singleValue: value.singleValue, type: type) == value)
    }

    @Test func `values are the same when their bits are`() {
        #expect(Set([Datum.string("\u{e9}"), .string("e\u{301}"), .string("\u{e9}")]).count == 2)
        #expect(Set([Datum.double(.nan), .double(-.nan), .double(.signalingNaN)]).count == 1 && Set([Datum.float(0), .float(-0.0), .float(.nan), .float(.nan)]).count == 3)
        #expect(Datum.int(1) != .date(1) && Datum.long(1) != .timestamp(1) && Datum.fixed([1]) != .binary([1]))
    }

    @Test func `numbers have one total order for sorting and for bounds`() {
        let floats: [Float] = [-.nan, -.infinity, -1, -0.0, 0.0, .leastNonzeroMagnitude, .infinity, .nan]
        for (place, value) in floats.enumerated() {
            for (other, bound) in floats.enumerated() {
                #expect(Datum.isBefore(.float(value), .float(bound)) == (place < other))
                #expect(Datum.isBefore(.double(Double(value)), .double(Double(bound))) == (place < other))
            }
        }
        #expect(Datum.isBefore(.int(-1), .int(0)) == true && Datum.isBefore(.float(0), .double(1)) == nil)
        #expect(Datum.isLess(.float(-0.0), .float(0)) == false && Datum.isLess(.float(.nan), .float(0)) == nil)
    }

    @Test func `random decimals come back in the fewest bytes`() {
        var random = Seeded(5)
        for round in 0..<20_000 {
            let wide = Int128(truncatingIfNeeded: random.next()) << 64 | Int128(truncatingIfNeeded: random.next())
            let value = wide >> Int128(random.next() % 128)
            let bytes = Datum.decimal(value).singleValue
            #expect(Datum.bigEndian(bytes) == value, "seed 5, round \(round)")
            #expect(bytes.count == 1 || Datum.bigEndian(Array(bytes.dropFirst())) != value, "seed 5, round \(round)")
        }
    }

    @Test func `bytes of another width are none, widened columns keep theirs`() {
        #expect(Datum(singleValue: [1, 2, 3], type: .int) == nil && Datum(singleValue: [], type: .long) == nil)
        #expect(Datum(singleValue: [0xff, 0xff, 0xff, 0xff], type: .long) == .long(-1))
        #expect(Datum(singleValue: Datum.float(0.5).singleValue, type: .double) == .double(0.5))
        #expect(Datum(singleValue: [UInt8](repeating: 0, count: 17), type: .decimal(precision: 38, scale: 0)) == nil)
        #expect(Datum(singleValue: [0xff], type: .string) == nil && Datum(singleValue: [1], type: .uuid) == nil)
    }

    @Test func `long strings are cut between characters and the upper bound is not below`() {
        let short = Datum.string("exactly 16 chars")
        #expect(Bounds.lower(short) == short.singleValue && Bounds.upper(short) == short.singleValue)
        let long = Datum.string("exactly 16 chars and more")
        #expect(Bounds.lower(long) == Array("exactly 16 chars".utf8) && Bounds.upper(long) == Array("exactly 16 chart".utf8))
        let emoji = Datum.string(String(repeating: "😀", count: 20))
        #expect(Bounds.lower(emoji) == Array(String(repeating: "😀", count: 16).utf8))
        #expect(Bounds.upper(emoji) == Array((String(repeating: "😀", count: 15) + "😁").utf8))
        // U+D7FF is followed by the surrogates, which are no characters.
        let edge = Datum.string(String(repeating: "a", count: 15) + "\u{d7ff}b")
        #expect(Bounds.upper(edge) == Array((String(repeating: "a", count: 15) + "\u{e000}").utf8))
        let last = Datum.string(String(repeating: "a", count: 15) + "\u{10ffff}b")
        #expect(Bounds.upper(last) == Array((String(repeating: "a", count: 14) + "b").utf8))
        #expect(Bounds.upper(.string(String(repeating: "\u{10ffff}", count: 17))) == nil)
        #expect(Bounds.upper(.binary([UInt8](repeating: 255, count: 17))) == nil)
        #expect(Bounds.upper(.binary([1] + [UInt8](repeating: 255, count: 17))) == [2])
        #expect(Bounds.lower(.binary(Array(0..<20))) == Array(0..<16))
    }
}
