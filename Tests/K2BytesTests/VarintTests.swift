import K2Bytes
import K2TestSupport
import Testing

@Suite struct VarintTests {
    private func encode(_ value: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.appendVarint(value)
        return writer.array
    }

    private func decode(_ bytes: [UInt8]) throws -> (value: UInt64, used: Int) {
        var cursor = ByteCursor(bytes.span)
        let value = try cursor.readVarint()
        return (value, cursor.offset)
    }

    @Test(arguments: [
        (0, [0x00]), (1, [0x01]), (127, [0x7f]), (128, [0x80, 0x01]), (300, [0xac, 0x02]),
        (UInt64(Int64.max), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        (UInt64.max, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
    ] as [(UInt64, [UInt8])])
    func knownEncodings(value: UInt64, bytes: [UInt8]) throws {
        #expect(encode(value) == bytes)
        #expect(try decode(bytes).value == value)
    }

    @Test func roundTripsAndEveryPrefixIsTooShort() throws {
        var random = Seeded.start()
        for _ in 0..<5_000 {
            let value = random.anyWidth()
            let bytes = encode(value)
            let read = try decode(bytes + [0xaa])
            #expect(read.value == value)
            #expect(read.used == bytes.count)
            for length in bytes.indices {
                #expect(throws: ByteError(.pastEnd, at: length)) { try decode(Array(bytes[..<length])) }
            }
        }
    }

    @Test func zigzagKeepsSmallNumbersShort() throws {
        #expect([0, -1, 1, -2, 2].map { Varint.zigzag($0) } == [0, 1, 2, 3, 4])
        #expect(Varint.zigzag(.min) == .max)
        #expect(Varint.unzigzag(.max) == .min)
        var random = Seeded.start()
        for _ in 0..<5_000 {
            let value = Int64(bitPattern: random.anyWidth()) &* (random.once(in: 2) ? -1 : 1)
            #expect(Varint.unzigzag(Varint.zigzag(value)) == value)
            var writer = ByteWriter()
            writer.appendZigzag(value)
            let bytes = writer.array
            var cursor = ByteCursor(bytes.span)
            let read = try cursor.readZigzag()
            #expect(read == value)
        }
    }

    @Test(arguments: [
        [UInt8](repeating: 0x80, count: 10) + [0x01],
        [UInt8](repeating: 0xff, count: 9) + [0x02],
        [UInt8](repeating: 0xff, count: 12),
    ])
    func moreThan64BitsAreRefused(bytes: [UInt8]) {
        #expect(throws: ByteError(.varintTooLong, at: 0)) { try decode(bytes) }
    }

    @Test func needlesslyLongFormsAreRead() throws {
        #expect(try decode([0x81, 0x80, 0x00]).value == 1)
    }
}
