import K2Bytes
import Testing

@testable import K2Parquet

struct DeltaTests {
    private static func encode<T: FixedWidthInteger & SignedInteger>(_ values: [T], byteAligned: Bool) -> [UInt8] {
        var buffer = PageBuffer()
        values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            DeltaBinaryPacked.encode(start, count: values.count, byteAligned: byteAligned, into: &buffer)
        }
        return Array(buffer.raw)
    }

    /// Decodes by the letter of Encodings.md, one bit at a time.
    private static func oracle(_ bytes: [UInt8]) throws -> [Int64] {
        var cursor = ByteCursor(bytes.span)
        let block = Int(try cursor.readVarint())
        let parts = Int(try cursor.readVarint())
        let count = Int(try cursor.readVarint())
        var values = [try cursor.readZigzag()]
        while values.count < count {
            let least = try cursor.readZigzag()
            let widths = try (0..<parts).map { _ in Int(try cursor.readByte()) }
            for width in widths where values.count < count {
                let start = cursor.offset * 8
                for index in 0..<block / parts {
                    var delta: UInt64 = 0
                    for bit in 0..<width {
                        let position = start + index * width + bit
                        if bytes[position / 8] >> UInt8(position % 8) & 1 == 1 { delta |= 1 << UInt64(bit) }
                    }
                    if values.count < count { values.append(values[values.count - 1] &+ least &+ Int64(bitPattern: delta)) }
                }
                try cursor.skip(block / parts * width / 8)
            }
        }
        return values
    }

    @Test func randomSequencesComeBack() throws {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for round in 0..<300 {
            let count = Int.random(in: 1...700, using: &random)
            let spread = Int64(bitPattern: UInt64.max >> UInt64.random(in: 0...63, using: &random))
            var last = Int64.random(in: Int64.min...Int64.max, using: &random)
            let values: [Int64] = (0..<count).map { _ in
                if round % 3 == 0 { return Int64.random(in: Int64.min...Int64.max, using: &random) }
                last &+= spread == -1 ? Int64.random(in: Int64.min...Int64.max, using: &random) : Int64.random(in: 0...spread, using: &random)
                return last
            }
            let small = values.map { Int32(truncatingIfNeeded: $0) }
            for byteAligned in [false, true] {
                let bytes = Self.encode(values, byteAligned: byteAligned)
                #expect(try Self.oracle(bytes) == values, "seed \(seed)")
                let decoded = try DeltaBinaryPacked.decode((bytes + [1, 2, 3]).span, count: count, as: Int64.self)
                #expect(decoded.values == values && decoded.length == bytes.count, "seed \(seed)")
                let smallBytes = Self.encode(small, byteAligned: byteAligned)
                #expect(try DeltaBinaryPacked.decode(smallBytes.span, count: count, as: Int32.self).values == small, "seed \(seed)")
                #expect(try Self.oracle(smallBytes).map { Int32(truncatingIfNeeded: $0) } == small, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [
        [], [5], [Int64.min], [.min, .max], [.max, .min, .max], [0, 0, 0], Array(repeating: .max, count: 129),
        Array(0..<128), Array(0..<129), Array(0..<257),
    ])
    func edgesComeBack(values: [Int64]) throws {
        var buffer = PageBuffer()
        let some = values + [0]
        some.withUnsafeBufferPointer { DeltaBinaryPacked.encode($0.baseAddress!, count: values.count, into: &buffer) }
        #expect(try DeltaBinaryPacked.decode(buffer.bytes, count: values.count, as: Int64.self).values == values)
    }

    @Test func aCountThatDiffersIsAnError() {
        let bytes = Self.encode([1, 2, 3] as [Int64], byteAligned: false)
        #expect(throws: ByteError.self) { try DeltaBinaryPacked.decode(bytes.span, count: 4, as: Int64.self) }
        #expect(throws: ByteError.self) { try DeltaBinaryPacked.decode(bytes.span.extracting(..<5), count: 3, as: Int64.self) }
    }

    @Test func impossibleHeadersAreErrors() {
        for header: [UInt8] in [[0, 4, 1, 0], [128, 1, 0, 1, 0], [128, 1, 3, 1, 0], [100, 4, 1, 0], [255, 255, 255, 255, 15, 1, 1, 0]] {
            #expect(throws: ByteError.self) { try DeltaBinaryPacked.decode(header.span, count: 1, as: Int64.self) }
        }
    }
}
