import Foundation
import Glibc
import K2Bytes
import K2JSON
import K2TestSupport
import Testing

extension JSONDocument {
    /// Parses a text; the error where it is none.
    mutating func failure(_ text: [UInt8]) -> JSONError? {
        do throws(JSONError) { try parse(text.span) } catch { return error }
        return nil
    }

    mutating func failure(_ text: String) -> JSONError? { failure(Array(text.utf8)) }

    /// All nodes in the form of the oracle.
    var items: [ReferenceJSON.Item] {
        var all: [ReferenceJSON.Item] = []
        for node in 0..<count {
            let range = range(node)
            all.append(.init(kind: "\(kind(node))", start: Int(range.lower), end: Int(range.upper), next: next(node)))
        }
        return all
    }
}

/// What `JSONDocument` makes of one text.
private func parse(_ text: String, maxValues: Int = 1 << 20) -> (code: JSONError.Code?, items: [ReferenceJSON.Item]) {
    var document = JSONDocument(maxValues: maxValues)
    let failure = document.failure(text)
    return (failure?.code, document.items)
}

@Suite struct JSONDocumentTests {
    @Test func rangesSliceTheExactText() throws {
        let text = Array(#" { "a" : [ 1.50e+3 , "x\"\u00e9" ] , "b":{} , "c":[],"":null } "#.utf8)
        var document = JSONDocument()
        try document.parse(text.span)
        var parts: [String] = []
        for node in 0..<document.count {
            let (verbatim, inner) = (document.verbatim(node), document.range(node))
            parts.append("\(document.kind(node)) \(text.span.part(verbatim).text)")
            if document.kind(node) == .string || document.kind(node) == .key {
                #expect(inner.lower == verbatim.lower + 1 && inner.upper == verbatim.upper - 1)
            } else {
                #expect(inner == verbatim)
            }
        }
        #expect(parts == [
            #"object { "a" : [ 1.50e+3 , "x\"\u00e9" ] , "b":{} , "c":[],"":null }"#, #"key "a""#,
            #"array [ 1.50e+3 , "x\"\u00e9" ]"#, "number 1.50e+3", #"string "x\"\u00e9""#, #"key "b""#, "object {}", #"key "c""#, "array []",
            #"key """#, "null null",
        ])
    }

    @Test func memberFindsTheFirstOfRepeatedKeys() throws {
        let text = Array(#"{"x":{"a":0},"a":1,"a":2}"#.utf8)
        var document = JSONDocument()
        try document.parse(text.span)
        let first = document.member(0, named: "a", in: text.span)
        let node = try #require(first)
        let found = text.span.part(document.range(node)).text
        #expect(found == "1")
        let missing = document.member(0, named: "b", in: text.span)
        #expect(missing == nil)
        #expect(document.count == 9)
    }

    @Test(arguments: [
        "0", "-0", "-0.0e-0", "1E400", "123456789012345678901234567890.000000000000000000000000000001", "18446744073709551616", "true", "false",
        "null", #""""#, #""\"\\\/\b\f\n\r\t\u0000\uFFFF""#, "[]", "{}", " \t\r\n[ \n1 ] ", #"{"a":{"a":{"a":[]}}}"#, "\"\u{7f}\u{80}é🦀\"",
        #"["\ud800"]"#, "[\"\\\\\"]", #"[[],[[]],{},[{}]]"#,
    ])
    func acceptsAndListsWhatIsJSON(text: String) throws {
        let found = parse(text)
        #expect(found.code == nil)
        #expect(found.items == ReferenceJSON.items(of: Array(text.utf8)))
    }

    @Test(arguments: [
        ("", .empty), ("   \t", .empty), ("\"", .badString), ("\"abc", .badString), (#""\""#, .badString), (#""\x""#, .badString),
        (#""\u12g4""#, .badString), (#""\u123""#, .badString), (#"{"a\q":1}"#, .badString), ("\"a\u{1}b\"", .badString), ("\"a\nb\"", .badString),
        ("\"a\tb\"", .badString), ("01", .syntax), ("+1", .syntax), (".5", .syntax), ("1.", .syntax), ("1e", .syntax), ("1e+", .syntax),
        ("-", .syntax), ("--1", .syntax), ("0x10", .syntax), ("NaN", .syntax), ("Infinity", .syntax), ("-Infinity", .syntax), ("1_000", .syntax),
        ("True", .syntax), ("nul", .syntax), ("nulll", .syntax), ("tru e", .syntax), ("'a'", .syntax), ("[1,]", .syntax), ("[,1]", .syntax),
        ("[1,,2]", .syntax), ("[1 2]", .syntax), ("[1", .syntax), ("1]", .syntax), ("[1}", .syntax), ("{\"a\":1]", .syntax), ("{", .syntax),
        ("}", .syntax), ("]", .syntax), (",", .syntax), (":", .syntax), ("{\"a\"}", .syntax), ("{\"a\":}", .syntax), ("{\"a\":1,}", .syntax),
        ("{,\"a\":1}", .syntax), ("{a:1}", .syntax), ("{1:2}", .syntax), ("{\"a\" 1}", .syntax), ("{\"a\"::1}", .syntax), ("{\"a\":1 \"b\":2}", .syntax),
        ("{}{}", .syntax), ("{} x", .syntax), ("1 2", .syntax), ("\"a\"b", .syntax), ("\"a\"\"b\"", .syntax), ("1\"a\"", .syntax), ("[1\"a\"]", .syntax),
        ("// c\n1", .syntax), ("/* c */1", .syntax), ("\u{feff}{}", .syntax), ("\u{a0}1", .syntax), ("\u{c}1", .syntax), ("[1\u{0}]", .syntax),
        ("\u{0}", .syntax), ("1\u{0}", .syntax), ("{}\u{0}", .syntax), ("[\u{c}]", .syntax), ("[1\u{1a}2]", .syntax), ("[\u{1a}]", .syntax),
        ("{\"a\"\u{1a}1}", .syntax), ("[1\u{c}2]", .syntax), ("\u{7f}", .syntax), ("é", .syntax),
    ] as [(String, JSONError.Code)])
    func refusesWhatIsNot(text: String, code: JSONError.Code) {
        let found = parse(text)
        #expect(found.code == code, "\(text.debugDescription)")
        #expect(found.items.isEmpty)
        #expect(ReferenceJSON.items(of: Array(text.utf8)) == nil)
    }

    @Test(arguments: [
        [0xff], [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
        [0x22, 0xe2, 0x82, 0x22], [0x5b, 0x31, 0x5d, 0x80],
    ] as [[UInt8]])
    func refusesBrokenUTF8(bytes: [UInt8]) {
        var document = JSONDocument()
        let failure = document.failure(bytes)
        #expect(failure?.code == .notUTF8)
    }

    @Test(arguments: [("[", "]"), ("{\"k\":", "}"), ("[{\"k\":", "}]")])
    func nestsTo64Levels(open: String, close: String) {
        let levels = open.hasPrefix("[{") ? 2 : 1
        func nested(_ depth: Int) -> String {
            String(repeating: open, count: depth / levels) + "1" + String(repeating: close, count: depth / levels)
        }
        #expect(parse(nested(64)).code == nil)
        #expect(parse(nested(64 + levels)).code == .tooDeep)
        #expect(parse(nested(100_000)).code == .tooDeep)
        #expect(parse(String(repeating: open, count: 100_000)).code == .tooDeep)
    }

    @Test func holdsAtMostMaxValues() {
        func list(_ count: Int) -> String { "[" + Array(repeating: "1", count: count).joined(separator: ",") + "]" }
        for limit in [1, 2, 3, 1023, 1024, 1025, 5000] {
            #expect(parse(list(limit - 1).replacing("[]", with: "1"), maxValues: limit).code == nil, "\(limit)")
            #expect(parse(list(limit), maxValues: limit).code == .tooManyValues, "\(limit)")
        }
        #expect(parse("1", maxValues: 0).code == .tooManyValues)
        #expect(parse(#"{"a":1}"#, maxValues: 2).code == .tooManyValues)
    }

    @Test func hugeNumbersKeepTheirText() throws {
        let number = "-" + String(repeating: "9", count: 100_000) + "." + String(repeating: "0", count: 100_000) + "e-99999"
        let text = Array("[\(number)]".utf8)
        var document = JSONDocument()
        try document.parse(text.span)
        let found = text.span.part(document.range(1)).text
        #expect(found == number)
    }

    @Test func oneDocumentServesTextsOfGrowingAndShrinkingSize() throws {
        var random = Seeded.start()
        var document = JSONDocument()
        for size in [1, 10, 5_000, 3, 70_000, 1, 200_000, 50, 4_096, 4_097] {
            var text = Array("[".utf8)
            while text.count < size { text += Array("\"\(random.digits(random.int(0...40)))\",".utf8) }
            text += Array("0]".utf8)
            try document.parse(text.span)
            let items = document.items
            #expect(items == ReferenceJSON.items(of: text))
            let failure = document.failure("[1,")
            #expect(failure?.code == .syntax)
            #expect(document.count == 0)
        }
    }

    @Test func readsNoByteBehindTheText() throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let memory = try #require(mmap(nil, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(memory, 3 * page) }
        // The page behind the text cannot be read: looking there ends the tests.
        #expect(mprotect(memory + 2 * page, page, PROT_NONE) == 0)
        var document = JSONDocument()
        for length in 2..<300 {
            for text in ["[" + String(repeating: "1", count: length - 2) + "]", "\"" + String(repeating: "a", count: length - 2) + "\"",
                "\"" + String(repeating: "\\", count: length - 1)] {
                let start = (memory + 2 * page - length).assumingMemoryBound(to: UInt8.self)
                start.update(from: Array(text.utf8), count: length)
                let span = Span(_unsafeStart: UnsafePointer(start), count: length)
                do throws(JSONError) {
                    try document.parse(span)
                    #expect(document.next(0) == document.count)
                } catch {
                    #expect(error.code == .badString)
                }
            }
        }
    }

    @Test func errorsSayWhatWasExpected() {
        var document = JSONDocument()
        let syntax = document.failure(#"{"a":1,}"#), deep = document.failure(String(repeating: "[", count: 65)), empty = document.failure("")
        #expect(syntax?.description == "broken JSON (byte 7)")
        #expect(deep?.description == "JSON nested deeper than 64 levels (byte 64)")
        #expect(empty?.description == "empty line, expected a JSON value")
    }
}
