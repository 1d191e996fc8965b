import Foundation
import K2Bytes
import K2JSON
import K2TestSupport
import Testing

private func encoded(_ text: String) -> String {
    var writer = ByteWriter()
    writer.appendJSONString(text)
    return writer.bytes.text
}

private func decoded(_ text: String) -> String {
    let bytes = Array(text.utf8)
    return JSONString.string(bytes.span)
}

@Suite struct JSONTextTests {
    @Test(arguments: [
        ("", #""""#), ("plain", #""plain""#), ("q\"b\\", #""q\"b\\""#), ("\n\r\t", #""\n\r\t""#), ("\u{0}\u{1f}\u{8}\u{c}", #""\u0000\u001f\u0008\u000c""#),
        ("\u{7f}é🦀/", "\"\u{7f}é🦀/\""),
    ])
    func escapesWhatHasToBe(text: String, json: String) { #expect(encoded(text) == json) }

    @Test(arguments: [
        ("", ""), (#"a\"\\\/\b\f\n\r\t"#, "a\"\\/\u{8}\u{c}\n\r\t"), (#"\u0041\u00e9\u20AC"#, "Aé€"), (#"\ud83e\udd80"#, "🦀"),
        (#"\ud800"#, "\u{fffd}"), (#"\udc00x"#, "\u{fffd}x"), (#"\ud800\u0041"#, "\u{fffd}A"), (#"\ud800\ud83e\udd80"#, "\u{fffd}🦀"), (#"\u0000"#, "\u{0}"),
        (#"\uD834\uDD1E"#, "\u{1d11e}"), (#"\udbff\udfff"#, "\u{10ffff}"),
    ])
    func decodesEscapes(text: String, expected: String) { #expect(decoded(text) == expected) }

    @Test func whatIsWrittenIsReadBackByUsAndByFoundation() throws {
        var random = Seeded.start()
        for _ in 0..<3_000 {
            let scalars = (0..<random.int(0...30)).map { _ -> Unicode.Scalar in
                Unicode.Scalar(UInt32(random.int(0...(random.once(in: 3) ? 0x10ffff : 0x7f)))) ?? "?"
            }
            var text = ""
            text.unicodeScalars.append(contentsOf: scalars)
            let json = encoded(text)
            #expect(Array(decoded(String(decoding: json.utf8.dropFirst().dropLast(), as: UTF8.self)).utf8) == Array(text.utf8))
            let foundation = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed) as? String
            #expect(foundation.map { Array($0.utf8) } == Array(text.utf8))
        }
    }

    /// `decode` is only given validated text; whatever it gets, it must end.
    @Test func decodingDamagedTextEnds() {
        for text in [#"\"#, #"\u"#, #"\u1"#, #"\u12"#, #"\ud800\u"#, #"\ud800\"#, #"\ud83e\udd"#, "\\u\u{e9}"] { _ = decoded(text) }
    }
}
