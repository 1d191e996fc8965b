import K2Bytes
import K2TestSupport
import Testing

@Suite struct ByteCursorTests {
    /// The error that `body` throws for a cursor over `bytes`; nil when it throws none.
    private func failure(_ bytes: [UInt8], _ body: (inout ByteCursor) throws(ByteError) -> Void) -> ByteError? {
        var cursor = ByteCursor(bytes.span)
        do throws(ByteError) { try body(&cursor) } catch { return error }
        return nil
    }

    @Test func readsForwardToTheEnd() throws {
        let bytes: [UInt8] = [7, 1, 2, 3, 4, 0xff, 0xff, 9]
        var cursor = ByteCursor(bytes.span)
        let byte = try cursor.readByte()
        let word = try cursor.readLittleEndian(UInt32.self)
        let signed = try cursor.readLittleEndian(Int16.self)
        let (left, ended) = (cursor.remaining, cursor.isAtEnd)
        #expect((byte, word, signed) == (7, 0x0403_0201, -1))
        #expect(left == 1 && !ended)
        try cursor.skip(1)
        let nothing = try cursor.read(0).count
        let (offset, endedNow) = (cursor.offset, cursor.isAtEnd)
        #expect(nothing == 0)
        #expect(offset == 8 && endedNow)
    }

    @Test func everyReadPastTheEndIsRefusedAndMovesNothing() {
        for length in 0..<8 {
            let bytes = [UInt8](repeating: 0x80, count: length)
            #expect(failure(bytes) { (c) throws(ByteError) in _ = try c.readLittleEndian(UInt64.self) } == ByteError(.pastEnd, at: 0))
            #expect(failure(bytes) { (c) throws(ByteError) in _ = try c.read(length + 1) } == ByteError(.pastEnd, at: 0))
            #expect(failure(bytes) { (c) throws(ByteError) in try c.skip(length + 1) } == ByteError(.pastEnd, at: 0))
            #expect(failure(bytes) { (c) throws(ByteError) in _ = try c.readVarint() } == ByteError(.pastEnd, at: length))
        }
        #expect(failure([]) { (c) throws(ByteError) in _ = try c.readByte() } == ByteError(.pastEnd, at: 0))
        #expect(failure([1]) { (c) throws(ByteError) in _ = try c.read(-1) } == ByteError(.negativeLength, at: 0))
        #expect(failure([1]) { (c) throws(ByteError) in try c.skip(.min) } == ByteError(.negativeLength, at: 0))
        #expect(failure([1]) { (c) throws(ByteError) in try c.skip(.max) } == ByteError(.pastEnd, at: 0))
    }

    @Test func errorsNameReasonAndPlace() {
        #expect(ByteError(.pastEnd, at: 12).description == "bytes end too early (byte 12)")
        #expect(ByteError(.varintTooLong, at: 3).description == "varint longer than 10 bytes (byte 3)")
    }

    @Test func littleEndianRoundTrips() throws {
        var random = Seeded.start()
        for _ in 0..<2_000 {
            let value = random.anyWidth()
            var writer = ByteWriter()
            writer.appendLittleEndian(value)
            writer.appendLittleEndian(Int32(truncatingIfNeeded: value))
            writer.appendLittleEndian(UInt128(value) << 64 | 5)
            let bytes = writer.array
            var cursor = ByteCursor(bytes.span)
            let whole = try cursor.readLittleEndian(UInt64.self)
            let low = try cursor.readLittleEndian(Int32.self)
            let wide = try cursor.readLittleEndian(UInt128.self)
            #expect(whole == value)
            #expect(low == Int32(truncatingIfNeeded: value))
            #expect(wide == UInt128(value) << 64 | 5)
        }
    }
}
