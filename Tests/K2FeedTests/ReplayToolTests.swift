import Glibc
import K2Compression
import K2TestSupport
import Testing

/// The built `k2-feed replay`, fed by the built `k2-sim`.
@Suite struct ReplayToolTests {
    private static func recording(_ exchange: String = "kraken", trades: Int = 2_000, _ more: [String] = []) throws -> [UInt8] {
        try ToolProcess.run("k2-sim", ["record", exchange, "--trades", "\(trades)"] + more).stdout
    }

    /// One member for each part.
    private static func gzip(_ parts: [[UInt8]]) throws -> [UInt8] {
        var writer = try GzipWriter()
        var output: [UInt8] = []
        for part in parts {
            writer.write(part.span, to: &output)
            writer.finishMember(to: &output)
        }
        return output
    }

    private static func replay(_ arguments: [String], stdin: [UInt8] = []) throws -> ToolResult {
        try ToolProcess.run("k2-feed", ["replay"] + arguments, stdin: stdin)
    }

    @Test(arguments: ["binance", "kraken", "coinbase"])
    func printsARecordingByteForByte(_ exchange: String) throws {
        let folder = try TestFolder()
        let recording = try Self.recording(exchange)
        let plain = try Self.replay([try folder.file("a.ndjson", recording)])
        #expect(plain.stdout == recording && plain.status == 0 && plain.stderr == "")
        let packed = try Self.gzip([recording])
        #expect(try Self.replay([try folder.file("a.ndjson.gz", packed)]).stdout == recording)
        // By its first bytes, whatever the name.
        #expect(try Self.replay([try folder.file("a.data", packed)]).stdout == recording)
        #expect(try Self.replay(["-"], stdin: recording).stdout == recording)
        #expect(try Self.replay(["-"], stdin: packed).stdout == recording)
    }

    @Test func gzipMembersAndFilesFollowEachOther() throws {
        let folder = try TestFolder()
        let (first, second) = (try Self.recording("kraken"), try Self.recording("coinbase"))
        // Members end inside a line, as when a recorder flushes.
        let packed = try Self.gzip([Array(first[..<1_000]), Array(first[1_000...]), second])
        #expect(try Self.replay([try folder.file("ab.gz", packed)]).stdout == first + second)
        let files = [try folder.file("a.ndjson", first), "-", try folder.file("b.gz", try Self.gzip([second]))]
        #expect(try Self.replay(files, stdin: second).stdout == first + second + second)
    }

    @Test func gapRecordsPassAndForeignSpellingIsKept() throws {
        let lines = """
            {"kind":"gap","exchange":"kraken","symbol":"BTCUSD","first_missing":1,"last_missing":2}
            {"kind": "raw", "received_at": "2026-02-18T00:00:00Z", "message": {"price":83744.30}}

            """.replacing("\n\n", with: "\n")
        for speed in ["max", "1000"] {
            #expect(try Self.replay(["-", "--speed", speed], stdin: Array(lines.utf8)).text == lines)
        }
    }

    @Test func emptyInputGivesNothing() throws {
        let result = try Self.replay(["-"])
        #expect(result.stdout == [] && result.status == 0 && result.stderr == "")
    }

    @Test func somethingElseEndsTheReplayAtItsLine() throws {
        let folder = try TestFolder()
        let good = try Self.recording(trades: 5)
        let count = good.filter { $0 == 0x0a }.count
        let file = try folder.file("mixed.ndjson", good + Array("{\"kind\":\"trade\"}\n".utf8) + good)
        let result = try Self.replay([file])
        #expect(result.status == 65)
        #expect(result.stdout == good)
        let lines = result.stderr.split(separator: "\n")
        #expect(lines[0] == "k2-feed: \(file):\(count + 1): not a raw record: expected kind \"raw\" or \"gap\", found \"trade\"")
        #expect(lines.count == 2 && lines[1].hasPrefix("hint: a raw record looks like {\"kind\":\"raw\","))
    }

    @Test func aTruncatedLastLineIsReportedAndNotPrinted() throws {
        let good = try Self.recording(trades: 5)
        let count = good.filter { $0 == 0x0a }.count
        let result = try Self.replay(["-"], stdin: good + Array("{\"kind\":\"raw\",\"mess".utf8))
        #expect(result.status == 65 && result.stdout == good)
        #expect(
            result.stderr
                == "k2-feed: stdin:\(count + 1): truncated record: expected a newline, found the end of the input after 19 bytes\n")
    }

    @Test func gzipCutShortGivesEverythingBeforeTheCut() throws {
        let folder = try TestFolder()
        let recording = try Self.recording(trades: 3_000)
        let packed = try Self.gzip([recording])
        for part in [10, packed.count / 2, packed.count - 1] {
            let file = try folder.file("cut.ndjson.gz", Array(packed[..<part]))
            let result = try Self.replay([file])
            #expect(result.status == 65)
            #expect(result.stderr == "k2-feed: \(file): gzip data ends too early (byte \(part))\n")
            #expect(recording.starts(with: result.stdout) && (result.stdout.last ?? 0x0a) == 0x0a)
            if part == packed.count - 1 { #expect(result.stdout == recording) }
        }
        let empty = try Self.replay([try folder.file("empty.gz", [])])
        #expect(empty.status == 65 && empty.stderr.contains("gzip data ends too early"))
    }

    private static func zstd(_ parts: [[UInt8]]) throws -> [UInt8] {
        var compressor = try ZstdCompressor(checksum: true)
        return try parts.flatMap { try compressor.compress($0.span) }
    }

    @Test func zstdIsReadLikeGzip() throws {
        let folder = try TestFolder()
        let (first, second) = (try Self.recording("kraken"), try Self.recording("coinbase"))
        let packed = try Self.zstd([Array(first[..<1_000]), Array(first[1_000...]), second])
        for name in ["a.ndjson.zst", "a.data"] {
            let result = try Self.replay([try folder.file(name, packed)])
            #expect(result.stdout == first + second && result.status == 0)
        }
        #expect(try Self.replay(["-"], stdin: packed).stdout == first + second)
    }

    @Test func aTornLastMemberOrFrameFollowsTheWholeOnes() throws {
        let folder = try TestFolder()
        let (first, second) = (try Self.recording("kraken", trades: 100), try Self.recording("coinbase", trades: 100))
        for (name, pack) in [("gzip", Self.gzip), ("zstd", Self.zstd)] {
            let (whole, torn) = (try pack([first]), try pack([second]))
            for size in [1, 3, 20, torn.count / 2, torn.count - 1] {
                let file = try folder.file("torn", whole + torn[..<size])
                let result = try Self.replay([file])
                #expect(result.status == 65 && result.stdout.starts(with: first) && (first + second).starts(with: result.stdout))
                #expect(result.stderr == "k2-feed: \(file): \(name) data ends too early (byte \(whole.count + size))\n")
            }
        }
        let empty = try Self.replay([try folder.file("empty.zst", [])])
        #expect(empty.status == 65 && empty.stderr.contains("zstd data ends too early"))
        let bare = try Self.replay([try folder.file("bare", Array(Zstd.magic[..<3]))])
        #expect(bare.status == 65 && bare.stderr.contains("zstd data ends too early (byte 3)"))
    }

    @Test func damagedZstdIsReported() throws {
        var packed = try Self.zstd([try Self.recording(trades: 3_000)])
        packed[packed.count - 1] ^= 0xff
        let result = try Self.replay(["-"], stdin: packed)
        #expect(result.status == 65 && result.stderr.hasPrefix("k2-feed: stdin: zstd data is corrupt (byte "))
    }

    @Test func damagedGzipIsReported() throws {
        let recording = try Self.recording(trades: 3_000)
        var packed = try Self.gzip([recording])
        packed[packed.count - 6] ^= 0xff
        let result = try Self.replay(["-"], stdin: packed)
        #expect(result.status == 65 && result.stderr.hasPrefix("k2-feed: stdin: gzip data is corrupt (byte "))
    }

    @Test func aLineUpToTheLimitIsPrinted() throws {
        let ends = (Array("{\"kind\":\"raw\",\"message\":\"".utf8), Array("\"}\n".utf8))
        let long = ends.0 + [UInt8](repeating: 0x61, count: (16 << 20) - ends.0.count - ends.1.count) + ends.1
        let input = long + (try Self.recording(trades: 5)) + long
        #expect(try Self.replay(["-"], stdin: input).stdout == input)
    }

    @Test func aLineOverTheLimitIsRefused() throws {
        let long = Array("{\"kind\":\"raw\",\"message\":\"".utf8) + [UInt8](repeating: 0x61, count: 17 << 20) + Array("\"}\n".utf8)
        let result = try Self.replay(["-"], stdin: long)
        #expect(result.status == 65 && result.stdout == [])
        #expect(result.stderr == "k2-feed: stdin:1: line too long: expected at most 16777216 bytes\n")
    }

    @Test func aMissingFileIsSaidBeforeAnythingIsPrinted() throws {
        let folder = try TestFolder()
        let good = try folder.file("a.ndjson", try Self.recording(trades: 5))
        let missing = try folder.file("b.ndjson")
        let result = try Self.replay([good, missing])
        #expect(result.status == 66 && result.stdout == [])
        #expect(result.stderr == "k2-feed: \(missing): cannot read: no such file or directory\n")
        let directory = try Self.replay([folder.path])
        #expect(directory.status == 66 && directory.stderr == "k2-feed: \(folder.path): cannot read: is a directory\n")
    }

    @Test(arguments: [["--speed", "0", "-"], ["--speed", "fast", "-"], [], ["-", "-"], ["--nope", "-"]])
    func wrongUsageIs64(_ arguments: [String]) throws {
        let result = try Self.replay(arguments)
        #expect(result.status == 64 && result.stdout == [])
        #expect(result.stderr.hasPrefix("k2-feed: ") && result.stderr.hasSuffix("hint: k2-feed --help\n"))
    }

    @Test func aReaderThatLeavesIsSuccess() throws {
        let folder = try TestFolder()
        let file = try folder.file("a.ndjson", try Self.recording(trades: 20_000))
        let running = try ToolProcess.start("k2-feed", ["replay", file])
        try running.read(atLeast: 1)
        running.closeOutput()
        let result = try running.finish()
        #expect(result.status == 0 && result.stderr == "")
    }

    @Test func recordsArriveWhileTheInputStaysOpen() throws {
        let recording = try Self.recording(trades: 5)
        let running = try ToolProcess.start("k2-feed", ["replay", "-"])
        try running.write(recording)
        try running.read(atLeast: recording.count, seconds: 20)
        #expect(running.stdout == recording)
        #expect(try running.finish().status == 0)
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalWhileWaitingForInputEndsIt(_ signal: Int32) throws {
        let recording = try Self.recording(trades: 5)
        let running = try ToolProcess.start("k2-feed", ["replay", "-"])
        try running.write(recording)
        try running.read(atLeast: recording.count)
        running.send(signal: signal)
        let result = try running.finish(seconds: 10)
        #expect(result.status == 128 + signal && result.stdout == recording)
    }

    @Test func aSignalWhileSleepingEndsItWithWholeLines() throws {
        let folder = try TestFolder()
        // One trade a second: at speed 1 this takes hours.
        let recording = try Self.recording("binance", trades: 5_000, ["--rate", "1"])
        let running = try ToolProcess.start("k2-feed", ["replay", "--speed", "1", try folder.file("slow.ndjson", recording)])
        try running.read(atLeast: 1)
        running.send(signal: SIGTERM)
        let result = try running.finish(seconds: 10)
        #expect(result.status == 143)
        #expect(recording.starts(with: result.stdout) && result.stdout.last == 0x0a && result.stdout.count < recording.count)
    }

    @Test func speedScalesTheSpacing() throws {
        let lines = [0, 500, 1_000].map {
            "{\"kind\":\"raw\",\"received_at\":\"2026-02-18T00:00:0\($0 / 1_000).\($0 % 1_000 == 0 ? "000" : "500")Z\",\"message\":1}\n"
        }
        let bytes = Array(lines.joined().utf8)
        func seconds(_ speed: String) throws -> Double {
            let clock = ContinuousClock()
            var result: ToolResult?
            let duration = try clock.measure { result = try Self.replay(["--speed", speed, "-"], stdin: bytes) }
            #expect(result?.stdout == bytes)
            return duration / .seconds(1)
        }
        #expect(try seconds("1") >= 1)
        #expect(try seconds("4") >= 0.25)
    }

    @Test func helpStartsWithExamples() throws {
        for arguments in [["--help"], ["replay", "--help"]] {
            let result = try ToolProcess.run("k2-feed", arguments)
            #expect(result.status == 0 && result.stderr == "")
            let lines = result.text.split(separator: "\n").filter { !$0.isEmpty }
            #expect(lines[0].hasPrefix("OVERVIEW: ") && lines[1] == "EXAMPLES:")
        }
    }
}
