import K2Domain
import K2Simulator
import K2TestSupport
import Testing

/// The built `k2-sim record`.
@Suite struct RecordToolTests {
    private static func record(_ arguments: [String]) throws -> ToolResult {
        try ToolProcess.run("k2-sim", ["record"] + arguments)
    }

    @Test(arguments: WireFormat.allCases)
    func printsTheRecordingOfItsArguments(_ format: WireFormat) throws {
        let result = try Self.record([
            format.exchange.rawValue, "--format", format.name, "--trades", "300", "--seed", "9", "--first-id", "500", "--rate", "10",
            "--start", "2026-03-01T12:00:00Z", "--faults", "gap,late",
        ])
        let plan = try RecordingPlan(
            format: format, trades: 300, seed: 9, start: try #require(Timestamp("2026-03-01T12:00:00Z")), firstID: 500, rate: 10,
            faults: [.gap, .late])
        var recording = Recording(plan)
        var bytes: [UInt8] = []
        while recording.next() { recording.records.withUnsafeBufferPointer { bytes.append(contentsOf: $0) } }
        #expect(result.status == 0 && result.stderr == "" && result.stdout == bytes)
    }

    @Test func writesTheTruthAndCounts() throws {
        let folder = try TestFolder()
        let file = try folder.file("truth.ndjson")
        let result = try Self.record(["kraken", "--trades", "5000", "--faults", "gap", "--truth", file, "--stats"])
        let truth = try ToolProcess.start("/bin/cat", [file]).finish().lines
        #expect(truth.filter { $0.hasPrefix(#"{"kind":"sent","exchange":"kraken","symbol":""#) }.count == 5_000)
        let holes = truth.filter { $0.hasPrefix(#"{"kind":"hole","exchange":"kraken","symbol":""#) }.count
        #expect(holes > 0 && holes + 5_000 == truth.count)
        #expect(result.stderr.contains("k2-sim: kraken v2: 5000 trades, 0 sent twice, 0 late, 0 messages out of order, \(holes) holes of "))
    }

    @Test func nowIsNow() throws {
        let result = try Self.record(["binance", "--trades", "1", "--start", "now", "--symbols", "BTCUSDT"])
        let time = try #require(result.lines.last?.firstMatch(of: /"T":([0-9]+)/)).1
        let clock = try ToolProcess.start("/bin/date", ["+%s"]).finish().lines[0]
        #expect(abs((Int(time) ?? 0) / 1_000 - (Int(clock) ?? 0)) < 60)
    }

    @Test(arguments: [
        (["bitstamp", "--trades", "1"], #"exchange: expected one of binance, kraken, coinbase, found "bitstamp""#),
        (["kraken", "--trades", "0"], "--trades: expected 1 to 1000000000, found 0"),
        (["kraken", "--trades=-1"], "--trades: expected 1 to 1000000000, found -1"),
        (["kraken", "--trades", "1", "--format", "v3"], #"--format: expected one of v2, v1, rest for kraken, found "v3""#),
        (["kraken", "--trades", "1", "--faults", "fire"], #"--faults: expected some of duplicates, reorder, gap, late, found "fire""#),
        (
            ["kraken", "--trades", "1", "--start", "noon"],
            #"--start: expected now or a time such as 2026-02-18T00:00:00Z, found "noon""#
        ),
    ])
    func wrongUsageIs64(_ arguments: [String], _ message: String) throws {
        let result = try Self.record(arguments)
        #expect(result.status == 64 && result.stdout == [])
        #expect(result.stderr == "k2-sim: \(message)\n")
    }

    @Test func anUnwritableTruthFileIsSaidBeforeAnythingIsPrinted() throws {
        let result = try Self.record(["kraken", "--trades", "1", "--truth", "/no-such-folder/truth"])
        #expect(result.status == 1 && result.stdout == [])
        #expect(result.stderr == "k2-sim: /no-such-folder/truth: cannot create: no such file or directory\n")
    }

    @Test func aReaderThatLeavesIsSuccess() throws {
        let running = try ToolProcess.start("k2-sim", ["record", "binance", "--trades", "1000000000"])
        try running.read(atLeast: 1_000)
        running.closeOutput()
        let result = try running.finish()
        #expect(result.status == 0 && result.stderr == "")
    }

    @Test func aFullDiskIsAFailure() throws {
        let result = try ToolProcess.shell("k2-sim record binance --trades 100000 > /dev/full")
        #expect(result.status == 1 && result.stderr == "k2-sim: stdout: cannot write: no space left on device\n")
    }
}
