import K2Bytes
import K2JSON
import K2NDJSON
import Testing

/// The texts found for the members a, b and c; nil where there is none.
private func locate(_ text: String, _ layout: RecordLayout = RecordLayout(["a", "b", "c"])) throws -> [String?] {
    let bytes = Array(text.utf8)
    var document = JSONDocument()
    try document.parse(bytes.span)
    var nodes: [Int32] = []
    layout.locate(in: 0, of: document, text: bytes.span, nodes: &nodes)
    var found: [String?] = []
    for node in nodes { found.append(node < 0 ? nil : bytes.span.part(document.verbatim(Int(node))).text) }
    return found
}

@Suite struct RecordLayoutTests {
    @Test(arguments: [
        (#"{"a":1,"b":"x","c":[]}"#, ["1", "\"x\"", "[]"]), (#"{"c":3,"b":2,"a":1}"#, ["1", "2", "3"]), (#"{"b":2}"#, [nil, "2", nil]),
        ("{}", [nil, nil, nil]), (#"{"x":0,"a":1,"y":{"b":9},"c":3,"z":[{"a":8}]}"#, ["1", nil, "3"]), (#"{"a":1,"a":2,"b":3,"b":4}"#, ["1", "3", nil]),
        (#"{"a":null,"b":2}"#, [nil, "2", nil]), (#"{"c":3,"a":1,"c":4,"b":2,"a":5}"#, ["1", "2", "3"]), (#"{"aa":1,"":2,"A":3}"#, [nil, nil, nil]),
    ] as [(String, [String?])])
    func findsMembersInAnyOrder(text: String, expected: [String?]) throws {
        #expect(try locate(text) == expected)
    }

    @Test func clearsWhatTheRecordBeforeLeft() throws {
        let layout = RecordLayout(["a", "b"])
        let first = Array(#"{"a":1,"b":2}"#.utf8), second = Array("{}".utf8)
        var document = JSONDocument()
        var nodes: [Int32] = []
        try document.parse(first.span)
        layout.locate(in: 0, of: document, text: first.span, nodes: &nodes)
        #expect(nodes == [2, 4])
        try document.parse(second.span)
        layout.locate(in: 0, of: document, text: second.span, nodes: &nodes)
        #expect(nodes == [-1, -1])
    }

    @Test(arguments: [
        (#"{"kind":"raw"}"#, "raw"), (#"{"kind":"trade"}"#, "trade"), (#"{"kind":"bronze"}"#, "bronze"), (#"{"kind":"candle"}"#, "candle"),
        (#"{"kind":"gap"}"#, "gap"), (#"{"kind":"dead_letter"}"#, "other"), (#"{"x":{"kind":"raw"},"kind":"gap"}"#, "gap"), (#"{"kind":1}"#, "none"),
        ("{}", "none"), ("[]", "none"), (#"["kind","raw"]"#, "none"), (#"{"Kind":"raw"}"#, "none"), (#"{"kind":null}"#, "none"), (#"{"kind":""}"#, "other"),
    ])
    func tellsTheKind(text: String, expected: String) throws {
        let bytes = Array(text.utf8)
        var document = JSONDocument()
        try document.parse(bytes.span)
        let kind = RecordKind(of: document, in: bytes.span)
        #expect(kind.map { "\($0)" } ?? "none" == expected)
    }

    @Test func errorsQuoteAtMost60Bytes() {
        #expect(RecordError("price", expected: "a decimal string", found: "1").description == "price: expected a decimal string, found 1")
        #expect(RecordError("price", expected: "this member", found: nil).description == "price: expected this member, found nothing")
        #expect(RecordError("x", expected: "y", found: String(repeating: "z", count: 61)).found == String(repeating: "z", count: 60) + "…")
    }
}
