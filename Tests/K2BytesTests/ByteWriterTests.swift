import K2Bytes
import K2TestSupport
import Testing

@Suite struct ByteWriterTests {
    @Test func everyAppendAddsItsBytesInOrder() {
        var writer = ByteWriter(capacity: 0)
        writer.append(0x41)
        writer.append("bc")
        writer.append([0x64, 0x65])
        let span: [UInt8] = [0x66]
        writer.append(span.span)
        [UInt8]("gh".utf8).withUnsafeBytes { writer.append($0) }
        writer.append(string: "ïj")
        writer.append(repeating: 0x7a, count: 3)
        writer.append(count: 2) { target in
            target[0] = 0x31
            target[1] = 0x32
        }
        #expect(writer.array == Array("Abcdefghïjzzz12".utf8))
        #expect(writer.count == 16)
        #expect(writer.bytes.text == "Abcdefghïjzzz12")
    }

    @Test func emptyAppendsAddNothing() {
        var writer = ByteWriter()
        writer.append("")
        writer.append([UInt8]())
        writer.append(string: "")
        writer.append(UnsafeRawBufferPointer(start: nil, count: 0))
        writer.append(repeating: 1, count: 0)
        #expect(writer.count == 0)
        #expect(writer.array.isEmpty)
    }

    @Test func integersHaveTheirByteOrder() {
        var writer = ByteWriter()
        writer.appendLittleEndian(UInt32(0x0102_0304))
        writer.appendBigEndian(UInt32(0x0102_0304))
        writer.appendLittleEndian(Int16(-2))
        writer.appendLittleEndian(UInt8(9))
        #expect(writer.array == [4, 3, 2, 1, 1, 2, 3, 4, 0xfe, 0xff, 9])
    }

    @Test func patchAndTruncateChangeOnlyWhatTheySay() {
        var writer = ByteWriter()
        writer.append("abcdef")
        let patch: [UInt8] = Array("XY".utf8)
        writer.patch(at: 4, with: patch.span)
        #expect(writer.bytes.text == "abcdXY")
        writer.truncate(to: 3)
        writer.append("!")
        #expect(writer.bytes.text == "abc!")
        writer.truncate(to: 0)
        #expect(writer.count == 0)
    }

    @Test func growsWithoutLosingBytes() {
        var random = Seeded.start()
        for _ in 0..<50 {
            var writer = ByteWriter(capacity: random.int(0...40))
            var expected: [UInt8] = []
            for _ in 0..<random.int(0...200) {
                let part = random.bytes(random.int(0...60))
                switch random.int(0...3) {
                case 0: writer.append(part)
                case 1: part.withUnsafeBytes { writer.append($0) }
                case 2: for byte in part { writer.append(byte) }
                default: writer.append(part.span)
                }
                expected += part
                if random.once(in: 40) {
                    writer.removeAll()
                    expected.removeAll()
                }
            }
            #expect(writer.array == expected)
            #expect(writer.withUnsafeBytes { Array($0) } == expected)
        }
    }
}
