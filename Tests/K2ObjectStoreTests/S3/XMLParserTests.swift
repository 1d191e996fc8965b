import K2TestSupport
import Testing

@testable import K2ObjectStore

@Suite struct XMLParserTests {
    private static func parse(_ text: String) throws(XMLError) -> XMLElement { try XMLParser.parse(Array(text.utf8)) }

    @Test func `an answer of S3 is read`() throws {
        let root = try Self.parse(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <!-- made by hand -->
            <Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/" a='"'>
              <Code>NoSuchKey</Code>
              <Message >It's &lt;gone&gt; &amp; &#x1F600;&#9;&quot;away&quot;&apos;</Message>
              <Empty/><Empty a = "1" /><Raw><![CDATA[<a>&amp;]]>&#13;</Raw>
            </Error>

            """)
        #expect(root.name == "Error" && root.children.map(\.name) == ["Code", "Message", "Empty", "Empty", "Raw"])
        #expect(root["Code"]?.text == "NoSuchKey" && root["Message"]?.text == "It's <gone> & 😀\t\"away\"'")
        #expect(root.all("Empty").count == 2 && root["Raw"]?.text == "<a>&amp;\r" && root["None"] == nil)
    }

    @Test func `a byte order mark, prefixes and names of other alphabets`() throws {
        let root = try XMLParser.parse([0xef, 0xbb, 0xbf] + Array("<s:größe xmlns:s=\"x\">1<b.c-d/>2</s:größe>".utf8))
        #expect(root.name == "s:größe" && root.text == "12")
    }

    @Test(arguments: [
        ("", "expected an element", 0), ("text", "expected an element", 0), ("<a>", "document ends in an element", 3),
        ("<a></b>", "expected </a>", 6), ("<a></a", "expected >", 6), ("<a/><b/>", "text behind the document", 4),
        ("<a/>x", "text behind the document", 4), ("<!DOCTYPE a><a/>", "expected a name", 1),
        ("<a>&nbsp;</a>", "unknown reference &nbsp;", 3),
        ("<a>&#0;</a>", "unknown reference &#0;", 3), ("<a>&#xD800;</a>", "unknown reference &#xD800;", 3),
        ("<a>&#+65;</a>", "unknown reference &#+65;", 3), ("<a>&amp</a>", "reference without ;", 3), ("<a b></a>", "expected =", 4),
        ("<a b=c></a>", "expected a quote", 5), ("<a b='<'/>", "< in an attribute", 6), ("<a b='x", "attribute without end", 7),
        ("<a b='x'c='y'/>", "expected >", 8), ("<1/>", "expected a name", 2), ("< a/>", "expected a name", 1),
        ("<a>\u{1}</a>", "control character", 3),
        ("<a><![CDATA[x</a>", "expected ]]>", 12), ("<!-- a", "expected -->", 4), ("<?xml", "expected ?>", 2),
    ])
    func `what is not well-formed is refused with its place`(_ text: String, _ reason: String, _ offset: Int) {
        let error = #expect(throws: XMLError.self) { try Self.parse(text) }
        #expect(error == XMLError(reason: reason, offset: offset))
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: XMLError(reason: "not UTF-8", offset: 0)) { try XMLParser.parse([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]) }
    }

    @Test func `deep nesting ends in an error and not in a crash`() {
        let error = #expect(throws: XMLError.self) { try Self.parse(String(repeating: "<a>", count: 100_000)) }
        #expect(error?.reason == "elements nested too deeply")
    }

    @Test func `a cut document is never taken for a whole one`() throws {
        let text =
            "<?xml version=\"1.0\"?><ListBucketResult><Contents><Key>a&amp;b</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>"
        for length in 0..<text.utf8.count {
            #expect(throws: XMLError.self) { try XMLParser.parse(Array(text.utf8.prefix(length))) }
        }
    }

    @Test func `damage gives an answer or an error, never a crash`() {
        var random = Seeded.start()
        let text = Array("<?xml version='1.0'?><a b='c'><d>&#65;&lt;x</d><!-- y --><![CDATA[z]]><e/></a>".utf8)
        for _ in 0..<5_000 {
            var bytes = text
            for _ in 0...random.int(0...3) {
                let place = random.int(0...(bytes.count - 1))
                if random.once(in: 3) {
                    bytes.remove(at: place)
                } else {
                    bytes[place] = random.pick(Array("<>/&;'\"=!-[]?#x a1\u{0}".utf8))
                }
            }
            _ = try? XMLParser.parse(bytes)
        }
    }

    @Test func `what is escaped is read as it was`() throws {
        var random = Seeded.start()
        for _ in 0..<500 {
            let text = String(
                String.UnicodeScalarView((0..<random.int(0...20)).map { _ in random.pick(Array("a<>&'\"\r\n\t é😀]".unicodeScalars)) }))
            let escaped = try #require(XMLText.escape(text))
            #expect(try Self.parse("<a>\(escaped)</a>").text == text)
        }
        #expect(XMLText.escape("a\u{1}") == nil && XMLText.escape("\u{fffe}") == nil)
    }
}
