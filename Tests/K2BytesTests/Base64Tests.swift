import K2Bytes
import Testing

@Suite struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")])
    func encodesAsInTheRFC(text: String, base64: String) { #expect(Base64.text(of: Array(text.utf8)) == base64) }

    @Test func goesOnBehindWhatIsThere() {
        var writer = ByteWriter(capacity: 16)
        writer.append(UInt8(ascii: "="))
        let every = (0...255).map { UInt8($0) }
        writer.appendBase64(every.span)
        #expect(String(decoding: writer.array, as: UTF8.self) == "=" + Base64.text(of: every))
        #expect(writer.count == 345 && writer.array.suffix(8).elementsEqual("/P3+/w==".utf8))
    }
}
