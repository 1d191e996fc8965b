import Foundation
import K2TestSupport
import Testing

/// A folder with a command and what came of it.
struct GoldenCase: CustomTestStringConvertible, Sendable {
    var folder: String
    var name: String
    var testDescription: String { name }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path

    /// Whether results are written instead of compared: `RECORD=1`, never in CI.
    static var isRecording: Bool {
        let environment = ProcessInfo.processInfo.environment
        return environment["RECORD"] == "1" && environment["CI"] == nil
    }

    /// The folders below `place` that have a `cmd` file.
    static func all(in place: String) -> [GoldenCase] {
        let names = FileManager.default.enumerator(atPath: "\(root)/\(place)")?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix("/cmd") }.sorted().map {
            let name = String($0.dropLast(4))
            return GoldenCase(folder: "\(root)/\(place)/\(name)", name: name)
        }
    }

    func contents(_ file: String) -> Data? { FileManager.default.contents(atPath: "\(folder)/\(file)") }

    /// Runs `cmd` with bash in an empty folder; `$CASE` names the case's own.
    func run() throws -> ToolResult {
        let command = String(decoding: try #require(contents("cmd")), as: UTF8.self)
        let temporary = try TestFolder()
        return try ToolProcess.shell(
            command, stdin: Array(contents("stdin") ?? Data()), environment: ["CASE": folder, "COLUMNS": "", "K2_INSTRUMENTS": ""],
            directory: temporary.path)
    }

    func check() throws {
        let result = try run()
        let found = [("stdout", Data(result.stdout)), ("stderr", Data(result.stderr.utf8)), ("status", Data("\(result.status)\n".utf8))]
        for (file, bytes) in found {
            if Self.isRecording {
                try bytes.write(to: URL(fileURLWithPath: "\(folder)/\(file)"))
                continue
            }
            let expected = try #require(contents(file), "\(name)/\(file) is missing: RECORD=1 writes it")
            if expected != bytes { Issue.record("\(name): \(file) differs\n\(Self.difference(expected, bytes))") }
        }
    }

    /// The first lines that differ.
    static func difference(_ expected: Data, _ found: Data) -> String {
        let lines = [expected, found].map { String(decoding: $0, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) }
        let same = zip(lines[0], lines[1]).prefix { $0 == $1 }.count
        func shown(_ side: Int) -> String { lines[side].count > same ? String(lines[side][same].prefix(600)) : "(no such line)" }
        return "line \(same + 1), of \(lines[0].count) and \(lines[1].count):\nexpected \(shown(0))\nfound    \(shown(1))"
    }
}

@Suite struct GoldenTests {
    @Test(arguments: GoldenCase.all(in: "cases"))
    func toolPrintsWhatItDid(_ golden: GoldenCase) throws { try golden.check() }

    @Test(arguments: GoldenCase.all(in: "pipes"))
    func pipelinePrintsWhatItDid(_ golden: GoldenCase) throws { try golden.check() }

    @Test func casesAreFound() {
        let tools = Set(GoldenCase.all(in: "cases").map { $0.name.prefix { $0 != "/" } })
        #expect(tools.isSuperset(of: ["k2-feed", "k2-normalize", "k2-offload", "k2-ohlcv", "k2-sim"]))
        #expect(!GoldenCase.all(in: "pipes").isEmpty)
    }
}
