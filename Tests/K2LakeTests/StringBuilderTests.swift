import K2Bytes
import K2Parquet
import K2Rows
import Testing

@testable import K2Lake

struct StringBuilderTests {
    private func values(_ builder: StringBuilder) -> [String] {
        LakeValue.all(Column(builder.values)).map { $0.text ?? "?" }
    }

    @Test func `values come back, interned or not`() {
        var random = LakeRandom.start()
        for distinct in [1, 1023, 1024, 1025, 3000] {
            var builder = StringBuilder()
            let expected = (0..<4000).map { $0 < distinct ? "v\($0)" : "v\(random.below(distinct))" }
            for value in expected { builder.append(Array(value.utf8).span) }
            builder.appendEmpty()
            #expect(builder.count == 4001)
            #expect(values(builder) == expected + [""])
            // The empty value is one more.
            #expect((builder.code(0) != nil) == (distinct + 1 <= StringBuilder.maxDistinct), "\(distinct)")
            for row in [0, 1, 3999] { #expect(builder.value(row) == Array(expected[row].utf8)) }
        }
    }

    @Test func `is empty again after removeAll`() {
        var builder = StringBuilder()
        for number in 0..<2000 { builder.append(Array("v\(number)".utf8).span) }
        builder.removeAll()
        #expect(builder.count == 0 && builder.byteCount == 0 && values(builder).isEmpty)
        let one: [UInt8] = [65]
        builder.append(one.span)
        #expect(values(builder) == ["A"] && builder.code(0) == 0)
    }

    /// Large values are held whether they are interned or not; the batch must end before they fill the memory.
    @Test func `byte count covers the values held`() {
        var builder = StringBuilder()
        var held = 0
        for number in 0..<1500 {
            let value = [UInt8](repeating: UInt8(number % 251), count: 1000 + number)
            builder.append(value.span)
            held += value.count
            #expect(builder.byteCount >= held, "after \(number + 1) values")
        }
    }
}
