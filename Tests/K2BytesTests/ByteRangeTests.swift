import K2Bytes
import Testing

@Suite struct ByteRangeTests {
    private func text(_ bytes: [UInt8], _ range: ByteRange) -> String { bytes.span.part(range).text }

    @Test func namesAPartOfASpan() {
        let bytes = Array("abcdef".utf8)
        let range = ByteRange(2, 5)
        #expect(range.count == 3)
        #expect(text(bytes, range) == "cde")
        #expect(text(bytes, .empty) == "")
        #expect(ByteRange.empty.isEmpty)
    }

    @Test func comparesWithTextAndBytes() {
        func equals(_ bytes: [UInt8], _ text: StaticString) -> Bool { bytes.span.equals(text) }
        func equals(_ bytes: [UInt8], _ other: [UInt8]) -> Bool { bytes.span.equals(other.span) }
        let bytes = Array("cde".utf8)
        #expect(equals(bytes, "cde"))
        #expect(!equals(bytes, "cd"))
        #expect(!equals(bytes, "cdf"))
        #expect(!equals(bytes, "cdef"))
        #expect(equals([], ""))
        #expect(equals(bytes, bytes))
        #expect(!equals(bytes, Array("cdef".utf8)))
        #expect(!equals(bytes, Array("xde".utf8)))
    }

    @Test func textShowsBrokenUTF8AsReplacementCharacters() {
        let bytes: [UInt8] = [0x61, 0xff, 0x62]
        let text = bytes.span.text
        #expect(text == "a\u{fffd}b")
    }
}
