import Foundation
import Testing

/// Expected texts in `Golden/`. Set `K2_TEST_RECORD=1` to write the files anew: read them before committing.
enum GoldenText {
    static func expect(
        _ text: String, equals name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden/\(name)")
        if ProcessInfo.processInfo.environment["K2_TEST_RECORD"] == "1" { try Data(text.utf8).write(to: file) }
        let expected = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        let difference = firstDifference(text, expected)
        #expect(difference == nil, "\(name): \(difference ?? "")", sourceLocation: sourceLocation)
    }

    private static func firstDifference(_ text: String, _ expected: String) -> String? {
        if text == expected { return nil }
        let found = text.split(separator: "\n", omittingEmptySubsequences: false)
        let wanted = expected.split(separator: "\n", omittingEmptySubsequences: false)
        let line = zip(found, wanted).prefix { $0 == $1 }.count
        func at(_ lines: [Substring]) -> Substring { line < lines.count ? lines[line] : "the end" }
        return "line \(line + 1): found \(at(found)), expected \(at(wanted))"
    }
}
