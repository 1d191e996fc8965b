import K2Bytes
import Testing

@testable import K2Parquet

struct HybridRLETests {
    /// Decodes by the letter of Encodings.md, one bit at a time.
    private static func oracle(_ bytes: [UInt8], width: Int, count: Int) -> [UInt32] {
        var values: [UInt32] = []
        var offset = 0
        while values.count < count {
            var (header, shift): (Int, Int) = (0, 0)
            while true {
                let byte = bytes[offset]
                offset += 1
                header |= Int(byte & 0x7f) << shift
                shift += 7
                if byte < 0x80 { break }
            }
            if header & 1 == 0 {
                var value: UInt32 = 0
                for index in 0..<((width + 7) / 8) { value |= UInt32(bytes[offset + index]) << UInt32(8 * index) }
                offset += (width + 7) / 8
                values += Array(repeating: value, count: header >> 1)
            } else {
                for index in 0..<(header >> 1) * 8 {
                    var value: UInt32 = 0
                    for bit in 0..<width where bytes[offset + (index * width + bit) / 8] >> UInt8((index * width + bit) % 8) & 1 == 1 {
                        value |= 1 << UInt32(bit)
                    }
                    values.append(value)
                }
                offset += (header >> 1) * width
            }
        }
        return Array(values[..<count])
    }

    private static func encode(_ values: [UInt32], width: Int) -> [UInt8] {
        var buffer = PageBuffer()
        values.withUnsafeBufferPointer { values in
            if let start = values.baseAddress { HybridRLE.encode(start, count: values.count, width: width, into: &buffer) }
        }
        return Array(buffer.raw)
    }

    @Test func randomRunsComeBack() throws {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for width in 0...32 {
            for _ in 0..<20 {
                let mask: UInt32 = width == 32 ? .max : (1 << UInt32(width)) - 1
                var values: [UInt32] = []
                for _ in 0..<Int.random(in: 1...30, using: &random) {
                    let value = UInt32.random(in: 0...UInt32.max, using: &random) & mask
                    let isRun = random.chance(50)
                    for _ in 0..<Int.random(in: 1...40, using: &random) {
                        values.append(isRun ? value : UInt32.random(in: 0...UInt32.max, using: &random) & mask)
                    }
                }
                let bytes = Self.encode(values, width: width)
                #expect(Self.oracle(bytes, width: width, count: values.count) == values, "seed \(seed) width \(width)")
                #expect(try HybridRLE.decode(bytes.span, width: width, count: values.count) == values, "seed \(seed) width \(width)")
            }
        }
    }

    @Test func longLiteralRunsAreSplit() throws {
        let values = (0..<100_001).map { UInt32($0 % 5) }
        let bytes = Self.encode(values, width: 3)
        #expect(Self.oracle(bytes, width: 3, count: values.count) == values)
        #expect(try HybridRLE.decode(bytes.span, width: 3, count: values.count) == values)
    }

    @Test func aMillionEqualValuesAreOneRun() throws {
        let values = [UInt32](repeating: 3, count: 1_000_000)
        let bytes = Self.encode(values, width: 2)
        #expect(bytes.count == 4)
        #expect(try HybridRLE.decode(bytes.span, width: 2, count: values.count) == values)
    }

    @Test func bytesThatEndTooEarlyAreErrors() throws {
        let values = (0..<1000).map { UInt32($0 * 7 % 64) }
        let bytes = Self.encode(values, width: 6)
        for length in 0..<bytes.count where length < bytes.count - 1 {
            #expect(throws: ByteError.self) {
                try HybridRLE.decode(bytes.span.extracting(..<length), width: 6, count: values.count)
            }
        }
    }

    @Test func impossibleHeadersAreErrors() {
        #expect(throws: ByteError.self) { try HybridRLE.decode([2, 255].span, width: 33, count: 1) }
        #expect(throws: ByteError.self) { try HybridRLE.decode([2, 4].span, width: 2, count: 1) }
        #expect(throws: ByteError.self) {
            try HybridRLE.decode([UInt8](repeating: 0xff, count: 12).span, width: 2, count: 1)
        }
        #expect(throws: ByteError.self) {
            try HybridRLE.decode(([UInt8](repeating: 0xff, count: 9) + [1, 0, 0]).span, width: 32, count: 1_000_000)
        }
    }
}
