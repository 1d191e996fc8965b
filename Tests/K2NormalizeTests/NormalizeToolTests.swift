import Foundation
import K2TestSupport
import Testing

/// The built program: what comes out, what is said, and the exit status.
@Suite struct NormalizeToolTests {
    /// The dead letters in the file at `path`: line number, reason and the input's bytes.
    private func deadLetters(_ path: String) throws -> [(line: Int, reason: String, input: [UInt8])] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { text in
            let record = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            #expect(record["kind"] as? String == "dead_letter" && record["tool"] as? String == "k2-normalize")
            let base64 = (record["input_base64"] as? String).flatMap { Data(base64Encoded: $0) }
            let input = try #require((record["input"] as? String).map { Array($0.utf8) } ?? base64.map { Array($0) })
            return (try #require(record["line"] as? Int), try #require(record["reason"] as? String), input)
        }
    }

    private func lines(_ texts: [String]) -> [UInt8] { Array(texts.map { $0 + "\n" }.joined().utf8) }

    /// Every message is one line, with the tool's name first.
    private func expectOneLineMessages(_ result: ToolResult) {
        for line in result.stderr.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            #expect(line.hasPrefix("k2-normalize: ") || line.hasPrefix("hint: "), "\(line)")
            #expect(line.utf8.count < 2_000)
        }
        #expect(result.stderr.isEmpty || result.stderr.hasSuffix("\n"))
    }

    /// Lines of which none can be used, in all the ways that they can be broken.
    static let badLines: [String] = {
        func trade(_ price: String, _ quantity: String = "\"1\"", id: String = "1", time: String = "1790812800000") -> String {
            RawText.raw(#"{"e":"trade","E":1790812800001,"s":"BTCUSDT","t":\#(id),"p":\#(price),"q":\#(quantity),"T":\#(time),"m":true,"M":true}"#, "binance")
        }
        return [
            "", " ", "{", "nonsense", "\u{0}", "[]", "7", "null", "\"text\"", "{}", #"{"kind":7}"#, #"{"kind":"raw"}"#, #"{"kind":"gap"}"#, "{\"kind\":\"raw\",}",
            String(repeating: "[", count: 100_000), RawText.raw("7", "binance"), RawText.raw("null", "kraken"), RawText.raw("{}", "mtgox"),
            RawText.binance(1).replacing("2026-10-01T00:00:00Z", with: "2026-02-30T00:00:00Z"), String(RawText.binance(1).dropLast(2)),
            trade("\"1e400\""), trade("1e400"), trade("\"NaN\""), trade("\"Infinity\""), trade("\"\""), trade("null"), trade("[]"), trade("true"),
            trade("\"" + String(repeating: "9", count: 40) + "\""), trade("\"1\"", "\"0." + String(repeating: "0", count: 39) + "1\""),
            trade("\"0.0000000000001\""), trade("\"1\"", "-"), trade("\"1\"", id: "-1"), trade("\"1\"", id: "1.5"), trade("\"1\"", id: "9223372036854775808"),
            trade("\"1\"", time: "0"), trade("\"1\"", time: "-1"), trade("\"1\"", time: "99999999999999999999"), trade("\"1\"", time: "\"now\""),
            trade("\"1\"").replacing("\"p\":\"1\",", with: ""), trade("\"1\"").replacing("BTCUSDT", with: ""), trade("\"1\"").replacing("BTCUSDT", with: "QQQ"),
            RawText.gap(5, 3), RawText.gap(1, 2).replacing("\"open\"", with: "\"ajar\""),
        ]
    }()

    @Test func everyBadLineIsKeptWholeAndTheOthersComeOut() throws {
        let folder = try TestFolder()
        let path = try folder.file("bad.ndjson")
        var input: [UInt8] = []
        var expected: [[UInt8]] = []
        for (index, bad) in Self.badLines.enumerated() {
            input += lines([RawText.binance(UInt64(100 + index)), bad])
            expected.append(Array(bad.utf8))
        }
        for bad in [[0xff, 0xfe], [0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d], [UInt8](repeating: 0x80, count: 1_000)] as [[UInt8]] {
            input += bad + [0x0a]
            expected.append(bad)
        }
        let result = try ToolProcess.run("k2-normalize", ["--dead-letter", path, "--stats"], stdin: input)
        #expect(result.status == 0, "\(result.stderr)")
        #expect(result.lines.filter { $0.hasPrefix("{\"kind\":\"trade\"") }.count == Self.badLines.count)
        let kept = try deadLetters(path)
        #expect(kept.map(\.input) == expected)
        #expect(kept.allSatisfy { !$0.reason.isEmpty && !$0.reason.contains("\n") })
        let total = 2 * Self.badLines.count + 3
        #expect(result.stderr == """
            k2-normalize: stats: lines \(total); messages \(result.stat("messages")); trades \(Self.badLines.count); duplicates 0; invalid 0; \
            gaps found 0; gaps filled 0; gaps passed 0; control 0; unknown 0; rejected \(expected.count); skipped 0

            """)
    }

    @Test(arguments: badLines)
    func aBadLineAloneIsRefusedWithStatus65(line: String) throws {
        let result = try ToolProcess.run("k2-normalize", stdin: lines([line]))
        #expect(result.status == 65)
        #expect(result.stdout.isEmpty)
        #expect(result.stderr.hasPrefix("k2-normalize: stdin:1: "))
        #expect(result.stderr.hasSuffix("\nk2-normalize: stdin: 1 record was rejected\nhint: --dead-letter FILE keeps rejected lines\n"))
        expectOneLineMessages(result)
    }

    @Test func onlyTheFirstRefusalsAreShown() throws {
        let result = try ToolProcess.run("k2-normalize", stdin: lines(Array(repeating: "{", count: 500)))
        #expect(result.status == 65)
        #expect(result.stderr.split(separator: "\n").count == 13)
        #expect(result.stderr.contains("k2-normalize: stdin:10: line: broken JSON (byte 1)\nk2-normalize: stdin: further rejected lines are only counted\n"))
        #expect(result.stderr.contains("k2-normalize: stdin: 500 records were rejected\n"))
    }

    @Test func aBinaryFileIsKeptToTheByte() throws {
        var random = Seeded.start()
        let folder = try TestFolder()
        for size in [1, 1_000, 300_000] {
            let path = try folder.file("bad\(size)")
            let input = random.bytes(size - 1) + [0x0b]
            let result = try ToolProcess.run("k2-normalize", ["--dead-letter", path], stdin: input)
            #expect(result.status == 0)
            #expect(result.stdout.isEmpty)
            let kept = try deadLetters(path)
            #expect(Array(kept.map(\.input).joined(separator: [0x0a])) == input)
            #expect(kept.last?.reason == "truncated last line, no newline at its end")
            #expect(kept.map(\.line) == Array(1...kept.count))
        }
    }

    @Test func aTruncatedLastLineIsReportedNotRead() throws {
        let folder = try TestFolder()
        let path = try folder.file("bad")
        let whole = RawText.binance(1), part = RawText.binance(2)
        let result = try ToolProcess.run("k2-normalize", ["--dead-letter", path], stdin: lines([whole]) + Array(part.utf8))
        #expect(result.status == 0)
        #expect(result.lines.count == 1)
        let kept = try deadLetters(path)
        #expect(kept.map(\.line) == [2])
        #expect(kept.first?.input == Array(part.utf8))
    }

    @Test func linesOfTenMegabytesAreReadOrKeptWhole() throws {
        let folder = try TestFolder()
        let path = try folder.file("bad")
        let filler = String(repeating: "x", count: 10 << 20)
        let good = RawText.binance(1).replacing("\"M\":true", with: "\"M\":\"\(filler)\"")
        let input = lines([good, "{" + filler, RawText.binance(2)])
        let result = try ToolProcess.run("k2-normalize", ["--dead-letter", path], stdin: input)
        #expect(result.status == 0)
        #expect(result.lines.count == 2)
        #expect(result.lines.first?.contains(filler) == true)
        let kept = try deadLetters(path)
        #expect(kept.map(\.input) == [Array("{\(filler)".utf8)])
    }

    @Test func aLineOverTheLimitIsSkippedAndSaysSo() throws {
        let folder = try TestFolder()
        let path = try folder.file("bad")
        let long = String(repeating: "y", count: (16 << 20) + 1)
        let result = try ToolProcess.run("k2-normalize", ["--dead-letter", path], stdin: lines([RawText.binance(1), long, RawText.binance(2)]))
        #expect(result.status == 0)
        #expect(result.lines.count == 2)
        let kept = try deadLetters(path)
        #expect(kept.map(\.line) == [2])
        #expect(kept.first?.reason == "line longer than 16777216 bytes; only its start is kept here")
        #expect(kept.first?.input == Array(long.utf8.prefix(4_096)))
    }

    @Test func strictStopsAtTheFirstRefusal() throws {
        let folder = try TestFolder()
        let path = try folder.file("bad")
        let input = lines([RawText.binance(1), RawText.binance(2), "{", RawText.binance(3)])
        for arguments in [["--strict"], ["--strict", "--dead-letter", path]] {
            let result = try ToolProcess.run("k2-normalize", arguments, stdin: input)
            #expect(result.status == 65)
            #expect(result.lines.count == 2)
            #expect(result.stderr == "k2-normalize: stdin:3: line: broken JSON (byte 1)\n")
        }
        #expect(try deadLetters(path).map(\.line) == [3])
    }

    @Test func unknownMessagesAreKeptAndNoFailure() throws {
        let folder = try TestFolder()
        let path = try folder.file("bad")
        let unknown = RawText.raw(#"{"channel":"ohlc"}"#, "kraken")
        let result = try ToolProcess.run("k2-normalize", ["--dead-letter", path, "--stats"], stdin: lines([unknown]))
        #expect(result.status == 0)
        #expect(result.stderr.contains("unknown 1 (kraken ohlc 1); rejected 0"))
        #expect(try deadLetters(path).map(\.reason) == ["kraken message: unknown type \"ohlc\""])
        #expect(try ToolProcess.run("k2-normalize", stdin: lines([unknown])).status == 0)
    }

    @Test func emptyInputIsDone() throws {
        let result = try ToolProcess.run("k2-normalize")
        #expect(result.status == 0)
        #expect(result.stdout.isEmpty && result.stderr.isEmpty)
    }

    @Test func bronzeIsOneRecordMoreForEachTrade() throws {
        let input = lines([RawText.binance(1), RawText.binance(2), RawText.binance(2)])
        let result = try ToolProcess.run("k2-normalize", ["--bronze"], stdin: input)
        #expect(result.lines.map { String($0.prefix(16)) } == ["{\"kind\":\"bronze\"", "{\"kind\":\"trade\",", "{\"kind\":\"bronze\"", "{\"kind\":\"trade\","])
    }

    @Test func equalInputGivesEqualBytes() throws {
        let input = lines((0..<300).map { RawText.binance(UInt64($0 * 7 % 300), at: $0 % 60) })
        let first = try ToolProcess.run("k2-normalize", ["--bronze"], stdin: input)
        let second = try ToolProcess.run("k2-normalize", ["--bronze"], stdin: input)
        #expect(first.stdout == second.stdout && first.status == 0)
    }

    @Test func aRecordComesOutWhileTheInputWaits() throws {
        let tool = try ToolProcess.start("k2-normalize")
        try tool.write(lines([RawText.binance(1)]))
        try tool.read(atLeast: 100, seconds: 20)
        #expect(tool.stdout.last == 0x0a)
        let result = try tool.finish()
        #expect(result.status == 0 && result.lines.count == 1)
    }

    @Test(arguments: [(SIGTERM, 143), (SIGINT, 130)] as [(Int32, Int32)])
    func aSignalFlushesAndGivesItsStatus(signal: Int32, status: Int32) throws {
        let tool = try ToolProcess.start("k2-normalize")
        try tool.write(lines([RawText.binance(1), RawText.binance(4)]))
        try tool.read(atLeast: 600, seconds: 20)
        tool.send(signal: signal)
        // The input stays open: only the signal can end it. The hole is told before.
        try tool.read(atLeast: 1_200, seconds: 20)
        let result = try tool.finish()
        #expect(result.status == status)
        #expect(result.lines.last?.hasPrefix("{\"kind\":\"gap\"") == true)
    }

    @Test func aReaderThatLeavesIsDone() throws {
        let tool = try ToolProcess.start("k2-normalize")
        tool.closeOutput()
        let result = try tool.finish(stdin: lines((0..<2_000).map { RawText.binance(UInt64($0)) }))
        #expect(result.status == 0)
        #expect(result.stderr.isEmpty)
    }

    @Test func aFullDiskIsAFailure() throws {
        let result = try ToolProcess.shell("k2-normalize > /dev/full", stdin: lines([RawText.binance(1)]))
        #expect(result.status == 1)
        #expect(result.stderr == "k2-normalize: stdout: cannot write: no space left on device\n")
    }

    @Test func fullDiskUnderTheDeadLettersIsAFailureAndLosesNoTrade() throws {
        let result = try ToolProcess.run("k2-normalize", ["--dead-letter", "/dev/full"], stdin: lines([RawText.binance(1), "{"]))
        #expect(result.status == 1)
        #expect(result.stderr == "k2-normalize: /dev/full: cannot write: no space left on device\n")
        #expect(result.lines.count == 1)
    }

    @Test func aClosedStdinIsAFailure() throws {
        let result = try ToolProcess.shell("k2-normalize <&-")
        #expect(result.status == 1)
        #expect(result.stderr == "k2-normalize: stdin: cannot read: bad file descriptor\n")
    }

    @Test func badConfigurationIsToldBeforeAnyInputIsRead() throws {
        let folder = try TestFolder()
        let broken = try folder.file("broken.ndjson", Array("{\"exchange\":\"kraken\"}\n".utf8))
        let cases: [(arguments: [String], environment: [String: String], status: Int32, message: String)] = [
            (["--dead-letter", "\(folder.path)/no/bad"], [:], 64, "\(folder.path)/no/bad: cannot open dead-letter file: no such file or directory"),
            (["--dead-letter", folder.path], [:], 64, "\(folder.path): cannot open dead-letter file: is a directory"),
            (["--instruments", "\(folder.path)/none"], [:], 66, "\(folder.path)/none: cannot open instruments file: no such file or directory"),
            (["--instruments", broken], [:], 64, "\(broken):1: base: expected a name"),
            ([], ["K2_INSTRUMENTS": broken], 64, "\(broken):1: base: expected a name"),
        ]
        for wrong in cases {
            let tool = try ToolProcess.start("k2-normalize", wrong.arguments, environment: wrong.environment)
            let result = try tool.finish()
            #expect(result.status == wrong.status)
            #expect(result.stderr == "k2-normalize: \(wrong.message)\n")
            #expect(result.stdout.isEmpty)
        }
    }

    @Test(arguments: [["--gap-patience", "2"], ["--gap-patience", "106751991d"], ["--gap-patience", "-1s"], ["--no-such-flag"], ["file.ndjson"], ["--dead-letter"]])
    func wrongUsageIs64(arguments: [String]) throws {
        let result = try ToolProcess.run("k2-normalize", arguments)
        #expect(result.status == 64)
        #expect(result.stdout.isEmpty)
        #expect(result.stderr.hasPrefix("k2-normalize: "))
        #expect(result.stderr.hasSuffix("\nhint: k2-normalize --help\n"))
        expectOneLineMessages(result)
    }

    @Test func theLongestPatienceDoesNotOverflow() throws {
        let input = lines([RawText.binance(1), RawText.binance(5, at: 1), RawText.binance(6, at: 59)])
        let result = try ToolProcess.run("k2-normalize", ["--gap-patience", "36500d"], stdin: input)
        #expect(result.status == 0)
        #expect(result.lines.count == 4)
    }

    @Test func instrumentsFileAddsToTheBundledOnes() throws {
        let folder = try TestFolder()
        let file = try folder.file(
            "i.ndjson", Array(#"{"kind":"instrument","exchange":"binance","base":"BTCU","quote":"SDT","spellings":["BTCUSDT"]}"#.utf8))
        let result = try ToolProcess.run("k2-normalize", ["--instruments", file], stdin: lines([RawText.binance(1), RawText.binance(1, symbol: "ETHUSDT")]))
        #expect(result.lines.first?.contains("\"canonical_symbol\":\"BTCU/SDT\"") == true)
        #expect(result.lines.last?.contains("\"canonical_symbol\":\"ETH/USDT\"") == true)
    }

    @Test func versionAndHelpGoToStdout() throws {
        let help = try ToolProcess.run("k2-normalize", ["--help"])
        #expect(help.status == 0 && help.text.contains("EXAMPLES") && help.stderr.isEmpty)
        let version = try ToolProcess.run("k2-normalize", ["--version"])
        #expect(version.status == 0 && version.lines.count == 1)
    }
}

extension ToolResult {
    /// A number of the `--stats` line.
    fileprivate func stat(_ name: String) -> String {
        stderr.split(separator: ";").compactMap { part in
            part.split(separator: " ").count == 2 && part.contains(" \(name) ") ? part.split(separator: " ").last.map(String.init) : nil
        }.first ?? "none"
    }
}
