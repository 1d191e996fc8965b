import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON
import K2TestSupport
import Testing

private func integer(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    return RecordReader.integer(bytes.span)
}

/// What `read` makes of the value `json`, or the text of the error.
private func read<T>(
    _ json: String, _ read: (Int32, borrowing JSONDocument, Span<UInt8>) throws(RecordError) -> T
) -> String {
    let bytes = Array(json.utf8)
    var document = JSONDocument()
    do throws(JSONError) { try document.parse(bytes.span) } catch { return "\(error)" }
    do throws(RecordError) { return "\(try read(0, document, bytes.span))" } catch { return error.description }
}

@Suite struct RecordReaderTests {
    @Test(arguments: ["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "007", "-0"])
    func readsIntegers(text: String) { #expect(integer(text) == Int64(text)) }

    @Test(arguments: [
        "", "-", "1.0", "1e3", "+1", " 1", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999", "12a", "--1",
    ])
    func refusesOtherIntegers(text: String) { #expect(integer(text) == nil) }

    @Test func integersAgreeWithTheStandardLibrary() {
        var random = Seeded.start()
        for _ in 0..<5_000 {
            let text = (random.once(in: 3) ? "-" : "") + random.digits(random.int(1...19))
            #expect(integer(text) == Int64(text), "\(text)")
        }
    }

    @Test func readsTypedMembersAndNamesWhatIsWrong() {
        #expect(read(#""1.50""#) { n, d, t throws(RecordError) in try RecordReader.decimal(n, "price", d, t) } == "1.50")
        #expect(read("1.50") { n, d, t throws(RecordError) in try RecordReader.decimal(n, "price", d, t) } == "price: expected a decimal string, found 1.50")
        #expect(read(#""x""#) { n, d, t throws(RecordError) in try RecordReader.decimal(n, "price", d, t) } == #"price: expected a decimal string, found "x""#)
        #expect(read(#""1970-01-01T00:00:00Z""#) { n, d, t throws(RecordError) in try RecordReader.time(n, "at", d, t) } == "1970-01-01T00:00:00.000000Z")
        #expect(read("0") { n, d, t throws(RecordError) in try RecordReader.time(n, "at", d, t) } == "at: expected an RFC 3339 time, found 0")
        #expect(read(#""12""#) { n, d, t throws(RecordError) in try RecordReader.integer(n, "id", d, t) } == "12")
        #expect(read("1.5") { n, d, t throws(RecordError) in try RecordReader.integer(n, "id", d, t) } == "id: expected an integer, found 1.5")
        #expect(read("true") { n, d, t throws(RecordError) in try RecordReader.boolean(n, "ok", d, t) } == "true")
        #expect(read("1") { n, d, t throws(RecordError) in try RecordReader.boolean(n, "ok", d, t) } == "ok: expected true or false, found 1")
        #expect(read("[1]") { n, d, t throws(RecordError) in try RecordReader.string(n, "s", d, t) } == "s: expected a string, found [1]")
        #expect(read("1") { _, d, t throws(RecordError) in try RecordReader.string(-1, "s", d, t) } == "s: expected this member, found nothing")
    }

    @Test func idsAbove2To53AreStrings() {
        func text(_ value: UInt64) -> String {
            var writer = ByteWriter()
            writer.appendInteger(value)
            return writer.bytes.text
        }
        #expect(text(0) == "0")
        #expect(text(1 << 53) == "9007199254740992")
        #expect(text(1 << 53 + 1) == "\"9007199254740993\"")
        #expect(text(.max) == "\"18446744073709551615\"")
    }
}
