import Foundation
import Glibc
import K2TestSupport
import Testing

/// How the tools behave at their pipes: readers that leave, disks that are full, signals, and input that waits.
@Suite struct PipeTests {
    /// Tools that read records, with arguments that make them print much, and what they read.
    enum Stage: String, CaseIterable {
        case feed = "k2-feed replay -"
        case normalize = "k2-normalize"
        case ohlcv = "k2-ohlcv --tee"

        var tool: String { String(rawValue.prefix { $0 != " " }) }
        var arguments: [String] { rawValue.split(separator: " ").dropFirst().map(String.init) }

        /// Some hundred kilobytes.
        var input: [UInt8] {
            get throws { self == .ohlcv ? try Input.trades.get() : try Input.raw.get() }
        }
    }

    private enum Input {
        static let raw = Result { try ToolProcess.shell("k2-sim record binance --trades 2000 --rate 2").stdout }
        static let trades = Result { try ToolProcess.shell("k2-sim record binance --trades 2000 --rate 2 | k2-normalize").stdout }
    }

    private func start(_ stage: Stage) throws -> RunningTool { try ToolProcess.start(stage.tool, stage.arguments) }

    private func lineCount(_ bytes: [UInt8]) -> Int { bytes.count { $0 == 0x0a } }

    // MARK: stdout

    @Test(arguments: Stage.allCases)
    func readerThatLeavesIsNoError(_ stage: Stage) throws {
        let folder = try TestFolder()
        _ = try folder.file("in", try stage.input)
        let result = try ToolProcess.shell("\(stage.rawValue) < in | head -n 1; exit ${PIPESTATUS[0]}", directory: folder.path)
        #expect(result.status == 0)
        #expect(result.stderr == "")
        #expect(result.lines.count == 1)
    }

    @Test func readerOfAWholePipelineMayLeave() throws {
        let result = try ToolProcess.shell(
            """
            k2-sim record kraken --trades 20000 | k2-feed replay - | k2-normalize --bronze | k2-ohlcv --tee | head -n 1 > /dev/null
            echo ${PIPESTATUS[@]}
            """)
        #expect(result.text == "0 0 0 0 0\n")
        #expect(result.stderr == "")
    }

    @Test(arguments: Stage.allCases.map(\.rawValue) + ["k2-sim record coinbase --trades 2000"])
    func fullDiskIsOneLine(_ command: String) throws {
        let stage = Stage(rawValue: command)
        let result = try ToolProcess.shell("exec \(command) > /dev/full", stdin: try stage?.input ?? [])
        #expect(result.status == 1)
        #expect(result.stderr == "\(command.prefix { $0 != " " }): stdout: cannot write: no space left on device\n")
    }

    @Test(arguments: Stage.allCases.map(\.rawValue) + ["k2-sim record coinbase --trades 2000"])
    func closedStdoutIsOneLine(_ command: String) throws {
        let stage = Stage(rawValue: command)
        let result = try ToolProcess.shell("exec \(command) >&-", stdin: try stage?.input ?? [])
        #expect(result.status == 1)
        #expect(result.stderr == "\(command.prefix { $0 != " " }): stdout: cannot write: bad file descriptor\n")
    }

    // MARK: stdin

    @Test(arguments: Stage.allCases)
    func closedStdinIsOneLine(_ stage: Stage) throws {
        let result = try ToolProcess.shell("exec \(stage.rawValue) <&-", seconds: 20)
        #expect(result.status == 1)
        #expect(result.stderr == "\(stage.tool): stdin: cannot read: bad file descriptor\n")
    }

    @Test(arguments: Stage.allCases)
    func folderAsStdinIsOneLine(_ stage: Stage) throws {
        let result = try ToolProcess.shell("exec \(stage.rawValue) < /")
        #expect(result.status == 1)
        #expect(result.stderr == "\(stage.tool): stdin: cannot read: is a directory\n")
    }

    @Test(arguments: Stage.allCases)
    func emptyInputGivesEmptyOutput(_ stage: Stage) throws {
        let result = try ToolProcess.run(stage.tool, stage.arguments)
        #expect(result.status == 0)
        #expect(result.stdout.isEmpty)
        #expect(result.stderr == "")
    }

    @Test(arguments: Stage.allCases)
    func pieceSizesDoNotMatter(_ stage: Stage) throws {
        var random = Seeded.start("pieceSizesDoNotMatter \(stage)")
        let input = Array(try stage.input.prefix(60_000).reversed().drop { $0 != 0x0a }.reversed())
        let whole = try ToolProcess.run(stage.tool, stage.arguments, stdin: input)
        #expect(whole.status == 0)
        let running = try start(stage)
        var sent = 0
        while sent < input.count {
            let next = min(input.count, sent + random.int(1...(random.once(in: 5) ? 9_000 : 60)))
            try running.write(Array(input[sent..<next]))
            sent = next
        }
        let result = try running.finish()
        #expect(result.stdout == whole.stdout, "seed \(random.seed)")
        #expect(result.status == 0)
    }

    @Test(arguments: Stage.allCases)
    func oneLineComesOutWhileThePipeStaysOpen(_ stage: Stage) throws {
        let running = try start(stage)
        let input = try stage.input
        var start = 0
        for _ in 0..<3 {
            let end = input[start...].firstIndex(of: 0x0a)! + 1
            let before = running.stdout.count
            try running.write(Array(input[start..<end]))
            // A message without trades prints nothing: go on to the next.
            if stage == .normalize && !String(decoding: input[start..<end], as: UTF8.self).contains("@trade") { continue }
            try running.read(atLeast: before + 1)
            #expect(running.stdout.count > before)
            start = end
        }
        #expect(try running.finish().status == 0)
    }

    @Test func candleComesOutWithTheTradeThatClosesIt() throws {
        let running = try ToolProcess.start("k2-ohlcv", ["--intervals", "1m", "--lateness", "0s"])
        let trades = String(decoding: try Stage.ohlcv.input, as: UTF8.self).split(separator: "\n").filter { $0.contains("\"BTCUSDT\"") }
        try running.write(Array("\(trades[0])\n\(trades[trades.count - 1])\n".utf8))
        try running.read(atLeast: 1)
        #expect(String(decoding: running.stdout, as: UTF8.self).contains(#""interval":"1m""#))
        #expect(try running.finish().status == 0)
    }

    // MARK: signals

    @Test(arguments: Stage.allCases, [SIGTERM, SIGINT])
    func signalStopsAfterWholeLines(_ stage: Stage, _ signal: Int32) throws {
        let running = try start(stage)
        let input = try stage.input
        let middle = input[(input.count / 2)...].firstIndex(of: 0x0a)! + 1
        // The last line is cut: it must not come out in parts, nor be reported as truncated.
        try running.write(Array(input[..<(middle + 40)]))
        try running.read(atLeast: 1)
        running.send(signal: signal)
        let result = try running.finish()
        #expect(result.status == 128 + signal)
        #expect(result.stderr == "")
        #expect(result.stdout.last == 0x0a)
        #expect(lineCount(result.stdout) > 10)
    }

    @Test func signalStopsTheSimulator() throws {
        let running = try ToolProcess.start("k2-sim", ["record", "binance", "--trades", "1000000000"])
        try running.read(atLeast: 100_000)
        running.send(signal: SIGTERM)
        let result = try running.finish()
        #expect(result.status == 143)
        #expect(result.stderr == "")
        #expect(result.stdout.last == 0x0a)
    }

    @Test func signalInterruptsAWaitingReplay() throws {
        let running = try ToolProcess.start("k2-feed", ["replay", "--speed", "0.0001", "-"])
        try running.write(Array(try Stage.feed.input.prefix(5_000)))
        try running.read(atLeast: 1)
        running.send(signal: SIGINT)
        let result = try running.finish()
        #expect(result.status == 130)
        #expect(result.stdout.last == 0x0a)
    }

    /// Starts a command whose output nobody reads, and waits until the pipe is full.
    private func startStalled(_ command: String, in folder: TestFolder) throws -> (RunningTool, Int32) {
        let fifo = try folder.file("fifo")
        #expect(mkfifo(fifo, 0o600) == 0)
        let reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        let path = try ToolProcess.path(String(command.prefix { $0 != " " }))
        let running = try ToolProcess.start("/bin/bash", ["-c", "exec \(path)\(command.drop { $0 != " " }) > \(fifo)"], directory: folder.path)
        var waiting: Int32 = 0
        for _ in 0..<2_000 where waiting < 32_768 {
            _ = ioctl(reader, UInt(FIONREAD), &waiting)
            usleep(10_000)
        }
        #expect(waiting >= 32_768)
        return (running, reader)
    }

    /// Waits until the process has taken the signals that were sent.
    private func waitUntilTaken(_ pid: pid_t) throws {
        for _ in 0..<2_000 {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let pending = status.split(separator: "\n").filter { $0.hasPrefix("ShdPnd") || $0.hasPrefix("SigPnd") }
            if pending.allSatisfy({ $0.hasSuffix("0000000000000000") }) { return }
            usleep(10_000)
        }
        Issue.record("the signal was not taken")
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func secondSignalLeavesAtOnce(_ signal: Int32) throws {
        let folder = try TestFolder()
        let (running, reader) = try startStalled("k2-sim record binance --trades 1000000000", in: folder)
        defer { close(reader) }
        running.send(signal: signal)
        try waitUntilTaken(running.pid)
        // It is asked to stop, but what it printed last is still on its way out.
        #expect(kill(running.pid, 0) == 0)
        running.send(signal: signal)
        #expect(try running.finish(seconds: 20).status == 128 + signal)
    }

    @Test func stoppedToolStillDeliversWhatItHas() throws {
        let folder = try TestFolder()
        let (running, reader) = try startStalled("k2-sim record binance --trades 1000000000", in: folder)
        defer { close(reader) }
        running.send(signal: SIGTERM)
        try waitUntilTaken(running.pid)
        _ = fcntl(reader, F_SETFL, 0)
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(reader, &chunk, chunk.count), count > 0 { all += chunk[..<count] }
        #expect(try running.finish().status == 143)
        #expect(all.last == 0x0a)
    }

    // MARK: bad input

    @Test(arguments: Stage.allCases)
    func bytesOfAProgramAreRefused(_ stage: Stage) throws {
        let tool = try ToolProcess.path("k2-sim")
        let result = try ToolProcess.shell("exec \(stage.rawValue.replacing(" --tee", with: "")) < \(tool)")
        #expect(result.status == 65)
        #expect(result.stdout.isEmpty)
        #expect(!result.stderr.isEmpty && result.stderr.split(separator: "\n").count <= 13)
        #expect(result.stderr.hasPrefix("\(stage.tool): stdin:1: "))
    }

    @Test(arguments: [10 << 20, 40 << 20])
    func hugeLinesAreRefusedAndTheOthersRead(_ length: Int) throws {
        for stage in [Stage.normalize, .ohlcv] {
            let lines = try stage.input
            let cut = lines.firstIndex(of: 0x0a)! + 1
            let huge = Array("{\"kind\":\"".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: length) + [0x0a]
            let plain = try ToolProcess.run(stage.tool, stdin: lines)
            let result = try ToolProcess.run(stage.tool, stdin: lines[..<cut] + huge + lines[cut...])
            #expect(result.status == 65)
            #expect(result.stdout == plain.stdout)
            #expect(result.stderr.split(separator: "\n").count == 3, "\(result.stderr)")
            #expect(result.stderr.hasPrefix("\(stage.tool): stdin:2: "), "\(result.stderr)")
            #expect(result.stderr.contains("\(stage.tool): stdin: 1 record was rejected\n"))
        }
    }
}
