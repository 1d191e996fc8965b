import K2JSON
import Testing

struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "[]", "{}", "[1,-0.5,1e+9,1E-2,12345678901234567890123]", "\"a\\\"b\\\\c\\n\"", "{\"z\":1,\"a\":{\"b\":[null,false]}}",
        "\"\\u0001\"", "\"é😀/\"",
    ])
    func `compact text comes back as it was`(_ text: String) throws { #expect(try JSONValue(parsing: text).text == text) }

    @Test func `spaces go, escapes become characters, numbers keep their text`() throws {
        let value = try JSONValue(parsing: " { \"a\" :\t[ 1.50 ,\r\n 2 ] , \"b\" : \"\\u00e9\\ud83d\\ude00\\/\\b\\f\" } ")
        #expect(value.text == "{\"a\":[1.50,2],\"b\":\"é😀/\\u0008\\u000c\"}")
        #expect(value["a"]?.arrayValue?[0].numberText == "1.50" && value["a"]?.arrayValue?[0].int64Value == nil)
        #expect(value["a"]?.arrayValue?[1].intValue == 2 && value["c"] == nil)
    }

    @Test(arguments: [
        ("", "expected a value, found the end", 0), ("tru", "expected true, found the end", 3), ("[1,]", "expected a value, found \"]\"", 3),
        ("{\"a\":1,}", "expected a key, found \"}\"", 7), ("01", "number with a leading zero", 0), ("1.", "expected a digit, found the end", 2),
        ("-", "expected a digit, found the end", 1), ("+1", "expected a value, found \"+\"", 0), ("NaN", "expected a value, found \"N\"", 0),
        ("\"a", "string without an end", 0), ("\"\\x\"", "unknown escape", 1), ("\"\\ud800\"", "half of a surrogate pair", 1),
        ("\"\\udc00\"", "half of a surrogate pair", 1), ("\"\u{1}\"", "control byte 1 in a string", 1),
        ("{\"a\":1,\"a\":2}", "key \"a\" stands twice", 7), ("1 2", "unexpected bytes after the document", 2),
        ("{a:1}", "expected a key, found \"a\"", 1), ("\u{feff}1", "expected a value, found byte 239", 0), ("[1 2]", "expected \",\" or \"]\", found \"2\"", 3),
    ])
    func `what is no JSON is refused with its place`(_ text: String, _ reason: String, _ offset: Int) {
        #expect(throws: JSONValueError(reason, at: offset)) { try JSONValue(parsing: text) }
    }

    @Test func `bytes that are not UTF-8 and deep nesting are refused`() {
        #expect(throws: JSONValueError("string is not utf-8", at: 0)) { try JSONValue(parsing: [0x22, 0xff, 0x22]) }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONValueError("nested more than 128 deep", at: 128)) { try JSONValue(parsing: deep) }
        #expect((try? JSONValue(parsing: String(repeating: "[", count: 128) + String(repeating: "]", count: 128))) != nil)
    }

    @Test func `objects keep their order, also when they are large and change`() throws {
        var object = JSONObject()
        for number in 0..<40 { object["k\(number)"] = .integer(number) }
        object["k3"] = nil
        object["k7"] = "new"
        object["k40"] = true
        #expect(object.keys == (0...40).filter { $0 != 3 }.map { "k\($0)" })
        #expect(object["k7"] == "new" && object["k3"] == nil && object["k39"] == 39 && object["k40"] == true)
        for number in 4..<40 { object["k\(number)"] = nil }
        #expect(object.keys == ["k0", "k1", "k2", "k40"] && object["k2"] == 2)
        let a: JSONValue = ["x": 1, "y": [1, 2]]
        let b: JSONValue = ["y": [1, 2], "x": 1]
        #expect(a == b && a.text != b.text)
    }

    @Test func `damaged documents never trap`() {
        let text = Array("{\"a\":[1,2.5e3,\"x\\u00e9\\ud83d\\ude00\"],\"b\":{\"c\":null,\"d\":true}}".utf8)
        var state: UInt64 = 99
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return Int((state >> 33) % UInt64(limit))
        }
        for round in 0..<20_000 {
            var bytes = text
            for _ in 0...random(3) {
                let place = random(bytes.count)
                switch random(3) {
                case 0: bytes[place] = UInt8(random(256))
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8(random(256)), at: place)
                }
            }
            if let value = try? JSONValue(parsing: bytes) {
                #expect((try? JSONValue(parsing: value.bytes)) == value, "round \(round)")
            }
        }
    }
}
