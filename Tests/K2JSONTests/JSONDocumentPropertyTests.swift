import Foundation
import K2JSON
import K2TestSupport
import Testing

/// Random documents and random damage to them: `JSONDocument` must agree with the plain reading of
/// RFC 8259, and with Foundation where that is not laxer.
@Suite struct JSONDocumentPropertyTests {
    private func space(_ random: inout Seeded) -> String { random.once(in: 6) ? random.pick([" ", "\t", "\r", "\n", "  "]) : "" }

    private func string(_ random: inout Seeded) -> String {
        let parts = ["a", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\n", "é", "🦀", "{", "}", "[", "]", ",", ":", " ", "\u{7f}", "1", "\\b"]
        return "\"" + (0..<random.int(0...12)).map { _ in random.pick(parts) }.joined() + "\""
    }

    private func value(_ random: inout Seeded, depth: Int) -> String {
        let inner: String
        switch random.int(0...(depth > 0 ? 9 : 6)) {
        case 0: inner = "null"
        case 1: inner = random.pick(["true", "false"])
        case 2: inner = "\(random.once(in: 3) ? "-" : "")\(random.int(0...1_000_000))"
        case 3: inner = "\(random.int(0...99)).\(random.digits(random.int(1...20)))"
        case 4: inner = "\(random.int(1...9))\(random.pick(["e", "E"]))\(random.pick(["", "+", "-"]))\(random.int(0...99))"
        case 5, 6: inner = string(&random)
        case 7: inner = "[" + (0..<random.int(0...5)).map { _ in value(&random, depth: depth - 1) }.joined(separator: ",") + "]"
        default:
            let members = (0..<random.int(0...5)).map { _ in
                space(&random) + string(&random) + space(&random) + ":" + value(&random, depth: depth - 1)
            }
            inner = "{" + members.joined(separator: ",") + "}"
        }
        return space(&random) + inner + space(&random)
    }

    private func damaged(_ text: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var text = text
        let meaningful = Array("{}[],:\"\\0123456789.eE+-truefalsn \t\n\u{0}\u{1f}\u{c}\u{1a}é".utf8) + [0xff, 0x80]
        for _ in 0..<random.int(1...3) {
            let place = text.isEmpty ? 0 : random.int(0...(text.count - 1))
            switch random.int(0...4) {
            case 0 where !text.isEmpty: text.remove(at: place)
            case 1: text.insert(random.pick(meaningful), at: place)
            case 2 where !text.isEmpty: text[place] = random.pick(meaningful)
            case 3 where !text.isEmpty: text.removeSubrange(place...)
            case 4 where text.count > 1: text.insert(contentsOf: text[place..<min(text.count, place + 5)], at: random.int(0...(text.count - 1)))
            default: text.append(random.pick(meaningful))
            }
        }
        return text
    }

    @Test func validTextsAreListedExactly() {
        var random = Seeded.start()
        var document = JSONDocument()
        for _ in 0..<3_000 {
            let text = Array(value(&random, depth: 6).utf8)
            let failure = document.failure(text)
            let items = document.items
            #expect(failure == nil, "\(String(decoding: text, as: UTF8.self))")
            #expect(items == ReferenceJSON.items(of: text), "\(String(decoding: text, as: UTF8.self))")
            let foundation = try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
            #expect(foundation != nil, "\(String(decoding: text, as: UTF8.self))")
        }
    }

    @Test func damagedTextsAreRefusedExactlyWhenTheyAreNoJSON() {
        var random = Seeded.start()
        var document = JSONDocument()
        var valid = 0
        for _ in 0..<30_000 {
            let text = damaged(Array(value(&random, depth: 4).utf8), &random)
            let failure = document.failure(text)
            let items = document.items
            let expected = ReferenceJSON.items(of: text)
            #expect((failure == nil) == (expected != nil), "\(text)")
            if let expected {
                #expect(items == expected, "\(text)")
                valid += 1
            }
            // Foundation may be laxer, never stricter, but for lone surrogates and numbers beyond a double.
            if expected != nil, !text.contains(UInt8(ascii: "\\")), !String(decoding: text, as: UTF8.self).contains(/[eE]\+?[0-9]{3}/) {
                let isRead = (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)) != nil
                #expect(isRead, "\(text)")
            }
        }
        #expect(valid > 1_000)
    }
}
