import K2Domain
import K2JSON
import Testing

@testable import K2Feed

@Suite struct RecordLineTests {
    /// The reason of the refusal, or nil.
    private func refusal(_ line: [UInt8]) -> String? {
        var document = JSONDocument()
        do throws(RecordLine.Refusal) {
            try RecordLine.check(line.span, &document)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(arguments: [
        #"{"kind":"raw","exchange":"binance","message":{}}"#,
        #"{"kind":"gap","exchange":"kraken"}"#,
        #"{"kind": "raw", "message": 1}"#,
        #"{"message":{"kind":"trade"},"kind":"raw"}"#,
        "{\"kind\":\"raw\",\"message\":1} \r",
    ])
    func acceptsRawAndGapRecords(_ line: String) {
        #expect(refusal(Array(line.utf8)) == nil)
    }

    @Test(arguments: [
        (#"{"kind":"trade"}"#, #"not a raw record: expected kind "raw" or "gap", found "trade""#),
        (#"{"kind":1}"#, #"not a raw record: expected kind "raw" or "gap", found "1""#),
        (#"{"exchange":"binance","data":[]}"#, #"not a raw record: expected kind "raw" or "gap", found no kind"#),
        (#"[1,2]"#, "not a raw record: expected an object, found another value"),
        ("", "not a raw record: empty line, expected a JSON value"),
        (#"{"kind":"raw","message":{"#, "not a raw record: broken JSON"),
        ("time,symbol,price", "not a raw record: broken JSON"),
    ])
    func saysWhatElseItFound(_ line: String, _ reason: String) {
        #expect(refusal(Array(line.utf8))?.hasPrefix(reason) == true, "\(refusal(Array(line.utf8)) ?? "accepted")")
    }

    @Test func bytesThatAreNoTextAreRefused() {
        #expect(refusal([0x00, 0xff, 0xfe, 0x7b])?.hasPrefix("not a raw record: ") == true)
    }

    @Test func longForeignTextIsCut() {
        let kind = String(repeating: "k", count: 500)
        #expect((refusal(Array("{\"kind\":\"\(kind)\"}".utf8))?.utf8.count ?? 0) < 120)
    }

    @Test func findsTheReceiveTime() throws {
        var document = JSONDocument()
        let raw = Array(#"{"kind":"raw","received_at":"2026-02-18T00:00:00.000001Z","message":{"received_at":"x"}}"#.utf8)
        #expect(try RecordLine.receivedAt(raw.span, &document) == Timestamp("2026-02-18T00:00:00.000001Z"))
        let gap = Array(#"{"kind":"gap","exchange":"kraken"}"#.utf8)
        #expect(try RecordLine.receivedAt(gap.span, &document) == nil)
        for (line, reason) in [
            (#"{"kind":"raw"}"#, "received_at: expected a time, found none"),
            (#"{"kind":"raw","received_at":17}"#, "received_at: expected a time, found none"),
            (#"{"kind":"raw","received_at":"soon"}"#, "received_at: expected a time, found \"soon\""),
        ] {
            let bytes = Array(line.utf8)
            #expect(throws: RecordLine.Refusal(reason: reason)) { try RecordLine.receivedAt(bytes.span, &document) }
        }
    }
}
