import Glibc
import K2TestSupport
import Testing

/// `k2-ohlcv --state` with the real program: killed at any time and run again on the same input, it
/// leaves the file that one undisturbed run leaves.
@Suite struct ResumeTests {
    /// Trades and gaps of two exchanges, with late, reordered and repeated ones.
    private static func input(seed: UInt64) throws -> [UInt8] {
        try ToolProcess.shell(
            """
            { k2-sim record binance --trades 900 --seed \(seed) --rate 1 --faults duplicates,reorder,gap,late --symbols BTCUSDT,ETHUSDT,BNBUSDT
              k2-sim record kraken --format v1 --trades 300 --seed \(seed) --rate 1 --faults late,reorder
            } | k2-normalize
            """
        ).stdout
    }

    private static func command(_ flags: String) -> String {
        "exec k2-ohlcv --state state --close-at-end \(flags) >> out.ndjson"
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    /// Starts the tool in `folder`, its output appended to `out.ndjson`.
    private static func start(_ flags: String, in folder: TestFolder, from file: String? = nil) throws -> RunningTool {
        let tool = try ToolProcess.path("k2-ohlcv")
        let line = command(flags).replacing("k2-ohlcv", with: tool) + (file.map { " < \($0)" } ?? "")
        return try ToolProcess.start("/bin/bash", ["-c", line], directory: folder.path)
    }

    private static func expected(_ input: [UInt8], _ flags: String) throws -> [UInt8] {
        let folder = try TestFolder()
        let result = try start(flags, in: folder).finish(stdin: input)
        #expect(result.status == 0, "\(result.stderr)")
        return try bytes(try folder.file("out.ndjson"))
    }

    private func compare(_ folder: TestFolder, _ expected: [UInt8], _ how: String) throws {
        let found = try Self.bytes(try folder.file("out.ndjson"))
        if found == expected { return }
        let lines = [found, expected].map { String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init) }
        let same = zip(lines[0], lines[1]).prefix { $0 == $1 }.count
        Issue.record(
            """
            \(how): \(lines[0].count) lines, expected \(lines[1].count); line \(same + 1) is
            \(lines[0].dropFirst(same).first ?? "missing"), expected
            \(lines[1].dropFirst(same).first ?? "no line")
            """)
    }

    @Test(arguments: ["--state-interval 0s", "--state-interval 0s --updates", "--state-interval 30ms --intervals 1m", "--state-interval 1h"])
    func killedWhileReadingAPipe(_ flags: String) throws {
        var random = Seeded.start("killedWhileReadingAPipe \(flags)")
        let input = try Self.input(seed: random.seed)
        let expected = try Self.expected(input, flags)
        #expect(expected.count > 20_000)
        for round in 0..<2 {
            let folder = try TestFolder()
            for _ in 0..<random.int(1...4) {
                let running = try Self.start(flags, in: folder)
                var sent = 0
                let end = random.int(0...input.count)
                while sent < end {
                    let next = min(end, sent + random.int(1...60_000))
                    try running.write(Array(input[sent..<next]))
                    sent = next
                    usleep(UInt32(random.int(0...5_000)))
                }
                running.send(signal: SIGKILL)
                #expect(try running.finish().status == 128 + SIGKILL)
            }
            let last = try Self.start(flags, in: folder).finish(stdin: input)
            #expect(last.status == 0, "\(last.stderr)")
            try compare(folder, expected, "seed \(random.seed), round \(round)")
        }
    }

    @Test func killedWhileReadingAFile() throws {
        var random = Seeded.start()
        let input = try Self.input(seed: random.seed)
        let flags = "--state-interval 0s --updates"
        let expected = try Self.expected(input, flags)
        for round in 0..<3 {
            let folder = try TestFolder()
            _ = try folder.file("in.ndjson", input)
            for _ in 0..<random.int(1...5) {
                let running = try Self.start(flags, in: folder, from: "in.ndjson")
                usleep(UInt32(random.int(0...150_000)))
                running.send(signal: SIGKILL)
                _ = try running.finish()
            }
            // A run that was not killed in time has finished; the next then has nothing to add.
            let last = try Self.start(flags, in: folder, from: "in.ndjson").finish()
            #expect(last.status == 0, "\(last.stderr)")
            try compare(folder, expected, "seed \(random.seed), round \(round)")
        }
    }

    @Test func cutLastLineIsMadeAgain() throws {
        let input = try Self.input(seed: 5)
        let expected = try Self.expected(input, "")
        let folder = try TestFolder()
        // No state is saved after the first one; the output ends inside a line, as after a full disk.
        let running = try Self.start("--state-interval 1h", in: folder)
        try running.write(Array(input[..<(input.count / 2)]))
        running.send(signal: SIGKILL)
        _ = try running.finish()
        let path = try folder.file("out.ndjson")
        let written = try Self.bytes(path)
        #expect(truncate(path, off_t(written.count * 2 / 3)) == 0)
        let last = try Self.start("", in: folder).finish(stdin: input)
        #expect(last.status == 0, "\(last.stderr)")
        try compare(folder, expected, "cut output")
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func stoppedBySignalItSavesAndContinues(_ signal: Int32) throws {
        var random = Seeded.start()
        let input = try Self.input(seed: random.seed)
        let expected = try Self.expected(input, "")
        let folder = try TestFolder()
        for _ in 0..<3 {
            let running = try Self.start("--state-interval 1h", in: folder)
            try running.write(Array(input[..<random.int(0...input.count)]))
            running.send(signal: signal)
            let result = try running.finish()
            #expect(result.status == 128 + signal)
            #expect(result.stderr == "")
            let output = try Self.bytes(try folder.file("out.ndjson"))
            #expect(output.isEmpty || output.last == 0x0a)
        }
        let last = try Self.start("", in: folder).finish(stdin: input)
        #expect(last.status == 0, "\(last.stderr)")
        try compare(folder, expected, "seed \(random.seed)")
    }

    @Test func restOfTheInputIsEnoughAfterAnOrderlyEnd() throws {
        let input = try Self.input(seed: 11)
        let expected = try Self.expected(input, "")
        let folder = try TestFolder()
        let middle = input[..<(input.count / 3)].lastIndex(of: 0x0a)! + 1
        let first = try Self.start("--no-close-at-end", in: folder).finish(stdin: Array(input[..<middle]))
        #expect(first.status == 0, "\(first.stderr)")
        let second = try Self.start("", in: folder).finish(stdin: Array(input[middle...]))
        #expect(second.status == 0, "\(second.stderr)")
        try compare(folder, expected, "two parts")
    }

    @Test func stateIsSavedWhileNothingComes() throws {
        let folder = try TestFolder()
        let running = try Self.start("--state-interval 100ms", in: folder)
        let path = try folder.file("state")
        var states: Set<[UInt8]> = []
        try running.write(Array(try Self.input(seed: 3).prefix { $0 != 0x0a }) + [0x0a])
        // The first state is empty, a later one knows the trade.
        for _ in 0..<600 where states.count < 2 {
            let state = try Self.bytes(path)
            if !state.isEmpty { states.insert(state) }
            usleep(50_000)
        }
        #expect(states.contains { String(decoding: $0, as: UTF8.self).contains("\"series\":0") })
    }

    @Test func unusableStateIsNamedBeforeAnythingIsRead() throws {
        let folder = try TestFolder()
        _ = try folder.file("garbage", Array("not a state\n".utf8))
        _ = try folder.file("cut", Array(#"{"kind":"ohlcv_state","version":1,"intervals":["1m","5m","15m","30m","1h","1d"]}"#.utf8) + [0x0a])
        _ = mkdir(try folder.file("folder"), 0o755)
        let cases: [(String, Int32, String)] = [
            ("garbage", 64, "k2-ohlcv: garbage:1: broken JSON (byte 0)\nhint: move the file away to start anew\n"),
            ("cut", 64, "k2-ohlcv: cut: state ends too early: expected a last line that counts the others\nhint: move the file away to start anew\n"),
            ("folder", 66, "k2-ohlcv: folder: cannot read state file: is a directory\n"),
            ("missing/state", 1, "k2-ohlcv: missing/state.new: cannot write state: no such file or directory\n"),
            ("/dev/full/state", 66, "k2-ohlcv: /dev/full/state: cannot open state file: not a directory\n"),
        ]
        for (path, status, message) in cases {
            // The input stays open: the tool must not wait for it.
            let running = try ToolProcess.start("k2-ohlcv", ["--state", path], directory: folder.path)
            try running.read(atLeast: 1)
            let result = try running.finish()
            #expect(result.status == status, "\(path)")
            #expect(result.stderr == message)
            #expect(result.stdout.isEmpty)
        }
    }

    @Test func fullDiskForTheStateIsAnErrorAndLeavesTheOldOne() throws {
        let folder = try TestFolder()
        let input = try Self.input(seed: 2)
        let first = try Self.start("--no-close-at-end", in: folder).finish(stdin: Array(input.prefix(200_000)) + [0x0a])
        #expect([0, 65].contains(first.status))
        let old = try Self.bytes(try folder.file("state"))
        // Files may hold 1 KiB, as on a disk that has no more.
        let tool = try ToolProcess.path("k2-ohlcv")
        let result = try ToolProcess.shell(
            "trap '' XFSZ; ulimit -f 1; exec \(tool) --state state | cat > /dev/null; exit ${PIPESTATUS[0]}", stdin: input, directory: folder.path)
        #expect(result.status == 1)
        #expect(result.stderr == "k2-ohlcv: state.new: cannot write state: file too large\n")
        #expect(try Self.bytes(try folder.file("state")) == old)
        #expect(access(try folder.file("state.new"), F_OK) != 0)
    }
}
