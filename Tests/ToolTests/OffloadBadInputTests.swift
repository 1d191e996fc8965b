import Foundation
import K2TestSupport
import Testing

struct OffloadBadInputTests {
    /// A line that must be refused, with what the reason names.
    static let bad: [(line: String, reason: String)] = [
        ("{", "line: "), ("{\"kind\":\"trade\"", "line: "), ("not json", "line: "), ("", "line: "), ("[1,2,3]", "kind"), ("{}", "kind"), ("\u{0}\u{1}", "line: "),
        ("{\"kind\":\"trade\",\"exchange\":\"bitmex\"}", "exchange"), ("{\"kind\":\"trade\",\"exchange\":\"kraken\"}", "symbol"),
    ]

    static let badMembers: [(String, String, String)] = [
        (#""price":"1.5""#, #""price":1.5"#, "price"), (#""price":"1.5""#, #""price":"NaN""#, "price"), (#""price":"1.5""#, #""price":"1e400""#, "price"),
        (#""price":"1.5""#, #""price":"0.0000000000001""#, "price"), (#""price":"1.5""#, #""price":"1234567890123456789012345678901234567890""#, "price"),
        (#""price":"1.5""#, #""price":"100000000000000000000000000""#, "price"), (#""quote_volume":"3.0","#, "", "quote_volume"),
        (#""is_valid":true"#, #""is_valid":"true""#, "is_valid"), (#""timestamp":"2026-02-18T"#, #""timestamp":"2026-02-30T"#, "timestamp"),
        (#""timestamp":"2026-02-18T00:00:00.000000Z""#, #""timestamp":null"#, "timestamp"), (#""source_sequence":"#, #""source_sequence":-"#, "source_sequence"),
        (#""source_sequence":"#, #""source_sequence":99999999999999999999"#, "source_sequence"), (#""side":"BUY""#, #""side":{"a":1}"#, "side"),
        (#""message_id":"123e"#, #""message_id":"xyz"#, "message_id"), (#""origin":"stream""#, #""origin":"stream","vendor_data":[1]"#, "vendor_data"),
    ]

    private var input: (bytes: [UInt8], rejected: Int) {
        var bytes = OffloadInput.trade(1)
        for (line, _) in Self.bad { bytes += Array(line.utf8) + [0x0a] }
        for (number, change) in Self.badMembers.enumerated() {
            bytes += OffloadInput.trade(100 + number) { $0.replacingOccurrences(of: change.0, with: change.1) }
        }
        bytes += [0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d, 0x0a]
        bytes += OffloadInput.trade(2)
        return (bytes, Self.bad.count + Self.badMembers.count + 1)
    }

    @Test func `bad lines are kept with their reasons, good ones loaded`() throws {
        let lake = try OffloadLake()
        let (bytes, rejected) = input
        let letters = "\(lake.path)/dead.ndjson"
        let result = try lake.run(bytes, ["--dead-letter", letters, "--stats"])
        #expect(result.status == 0 && result.stderr.contains("silver_trades: 2 rows added") && result.stderr.contains("rejected \(rejected)"), "\(result.stderr)")
        let kept = try String(contentsOfFile: letters, encoding: .utf8).split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        #expect(kept.count == rejected)
        let reasons = Self.bad.map(\.reason) + Self.badMembers.map(\.2)
        for (letter, reason) in zip(kept, reasons) { #expect((letter["reason"] as? String)?.contains(reason) == true, "\(letter)") }
        #expect(kept.map { $0["line"] as? Int } == (2..<(2 + rejected)).map { $0 })
        // A rejected row is not remembered: the corrected one goes in.
        #expect(try lake.run(OffloadInput.trade(100)).stderr.contains("1 rows added"))
        #expect(try lake.rows("silver_trades") == 3)
    }

    @Test func `without a dead-letter file the status is 65 and the rest is loaded`() throws {
        let lake = try OffloadLake()
        let (bytes, rejected) = input
        let result = try lake.run(bytes)
        #expect(result.status == 65 && result.stderr.contains("stdin: \(rejected) records were rejected") && result.stderr.contains("hint: --dead-letter"))
        #expect(result.stderr.contains("further rejected lines are only counted"))
        #expect(try lake.rows("silver_trades") == 2)
    }

    @Test func `strict stops at the first bad line and keeps what was before it`() throws {
        let lake = try OffloadLake()
        let result = try lake.run(OffloadInput.trade(1) + Array("{\n".utf8) + OffloadInput.trade(2), ["--strict"])
        #expect(result.status == 65 && result.stderr.hasPrefix("k2-offload: stdin:2: line: "), "\(result.stderr)")
        #expect(try lake.rows("silver_trades") == 1)
        #expect(try lake.run(OffloadInput.trade(2)).status == 0)
    }

    @Test func `a truncated last line is reported and never parsed`() throws {
        let lake = try OffloadLake()
        let result = try lake.run(OffloadInput.trade(1) + OffloadInput.trade(2).dropLast())
        #expect(result.status == 65 && result.stderr.contains("stdin:2: truncated last line"))
        #expect(try lake.rows("silver_trades") == 1)
    }

    @Test func `long lines: 10 MB are loaded, 17 MB refused`() throws {
        let lake = try OffloadLake()
        func line(_ id: Int, _ size: Int) -> [UInt8] {
            OffloadInput.trade(id) { $0.replacingOccurrences(of: #""is_valid""#, with: "\"vendor_data\":{\"x\":\"\(String(repeating: "y", count: size))\"},\"is_valid\"") }
        }
        let letters = "\(lake.path)/dead.ndjson"
        let result = try lake.run(line(1, 10 << 20) + line(2, 17 << 20) + OffloadInput.trade(3), ["--dead-letter", letters])
        #expect(result.status == 0 && result.stderr.contains("silver_trades: 2 rows added"), "\(result.stderr)")
        #expect(try String(contentsOfFile: letters, encoding: .utf8).contains("line longer than 16777216 bytes"))
    }

    @Test func `binary input`() throws {
        let lake = try OffloadLake()
        var state: UInt64 = 88_172_645_463_325_252
        let noise = (0..<300_000).map { _ -> UInt8 in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 20)
        }
        let result = try lake.run(OffloadInput.trade(1) + [0x0a] + noise + [0x0a] + OffloadInput.trade(2))
        #expect(result.status == 65 && result.stderr.contains("2 rows added"))
        #expect(result.stderr.utf8.count < 4000)
    }

    // MARK: Surroundings

    private func expectOneLine(_ result: ToolResult, _ status: Int32, _ parts: String..., hint: Bool = false) {
        #expect(result.status == status, "\(result.command): \(result.stderr)")
        let lines = result.stderr.split(separator: "\n")
        #expect(lines.count == (hint ? 2 : 1) && lines.first?.hasPrefix("k2-offload: ") == true, "\(result.stderr)")
        for part in parts { #expect(result.stderr.contains(part), "\(result.stderr)") }
    }

    @Test func `a catalog or state file that is no database, or a folder, or of a newer version`() throws {
        for variable in ["K2_CATALOG", "K2_STATE"] {
            let folder = try TestFolder()
            let plain = try folder.file("plain.txt", Array(String(repeating: "this is no database\n", count: 100).utf8))
            var environment = ["K2_WAREHOUSE": "file:\(folder.path)/w", "K2_CATALOG": "sqlite:\(folder.path)/c.db", "K2_STATE": "sqlite:\(folder.path)/s.db"]
            for verb in [["run", "--from", "-"], ["status"], ["reconcile"]] {
                environment[variable] = "sqlite:\(plain)"
                let text = try ToolProcess.run("k2-offload", verb, stdin: OffloadInput.trade(1), environment: environment)
                expectOneLine(text, 64, "plain.txt: not a database")
                environment[variable] = "sqlite:\(folder.path)"
                expectOneLine(try ToolProcess.run("k2-offload", verb, environment: environment), 64, "\(folder.path): cannot open")
            }
            #expect(try String(contentsOfFile: plain, encoding: .utf8).hasPrefix("this is no database"))
        }
    }

    @Test(.enabled(if: TestPython.main != nil, "needs Python: K2_TEST_PYTHON"))
    func `a state file of a newer version`() throws {
        let lake = try OffloadLake()
        _ = try lake.run(OffloadInput.trade(1))
        try TestPython.main!.run(
            "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as c: c.execute('UPDATE offload_schema SET version = 99')", ["\(lake.path)/state.db"])
        expectOneLine(try lake.run(OffloadInput.trade(2)), 64, "state tables were made by a newer version")
    }

    @Test func `a warehouse that cannot be written`() throws {
        let lake = try OffloadLake()
        let file = try lake.folder.file("file", [1])
        var environment = lake.environment
        environment["K2_WAREHOUSE"] = "file:\(file)/below"
        let result = try ToolProcess.run("k2-offload", ["run", "--from", "-"], stdin: OffloadInput.trade(1), environment: environment)
        expectOneLine(result, 64, "cannot make folder")
        // The folder of one table is in the way: everything before it is there, nothing else.
        _ = try lake.folder.file("warehouse", nil)
        try FileManager.default.createDirectory(atPath: "\(lake.path)/warehouse/cold", withIntermediateDirectories: true)
        _ = try lake.folder.file("warehouse/cold/silver_trades", [1])
        let blocked = try lake.run(OffloadInput.trade(1))
        expectOneLine(blocked, 1, "silver_trades")
        #expect(try lake.status().isEmpty)
        try FileManager.default.removeItem(atPath: "\(lake.path)/warehouse/cold/silver_trades")
        #expect(try lake.run(OffloadInput.trade(1)).status == 0)
        #expect(try lake.rows("silver_trades") == 1)
    }

    @Test(arguments: [
        ["run", "--from", "-", "--tables", "silver"], ["run", "--from", "-", "--tables", ""], ["run", "--from", "kafka"], ["run", "--jobs", "0"],
        ["run", "--from", "-", "--commit-rows", "0"], ["run", "--from", "-", "--commit-interval", "5"], ["run", "--from", "-", "--commit-rows", "x"],
        ["run", "--from", "-", "--warehouse", "s3:x"], ["run", "--from", "-", "--catalog", "mysql://x"], ["run", "--from", "-", "--state", "sqlite:"], ["nonsense"],
    ])
    func `wrong usage is 64 and one line`(_ arguments: [String]) throws {
        let folder = try TestFolder()
        let result = try ToolProcess.run("k2-offload", arguments, directory: folder.path)
        #expect(result.status == 64 && result.stdout.isEmpty, "\(result.stderr)")
        #expect(result.stderr.split(separator: "\n").count <= 2 && result.stderr.hasPrefix("k2-offload: "), "\(result.stderr)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    /// A limit on the size of files stands for a full disk: the write fails in the middle.
    @Test(arguments: [1, 4, 16, 40, 64, 120])
    func `a disk that is full fails the run and loses nothing`(_ kilobytes: Int) throws {
        let lake = try OffloadLake()
        #expect(try lake.run(OffloadInput.trade(1)).status == 0)
        let input = try OffloadInput.stream("binance", trades: 4000, seed: 9)
        let recording = try lake.folder.file("input.ndjson", input)
        let result = try ToolProcess.shell(
            "trap '' XFSZ; ulimit -f \(kilobytes); exec k2-offload run --from - < \(recording)", environment: lake.environment)
        #expect(result.status == 0 || result.status == 1 || result.status == 64, "\(result.status) \(result.stderr)")
        if result.status != 0 { #expect(result.stderr.split(separator: "\n").count <= 3, "\(result.stderr)") }
        #expect(lake.files(".tmp").isEmpty, "\(lake.files(".tmp"))")
        #expect(try lake.rows("silver_trades") == 1 || result.status == 0 || lake.rows("silver_trades") == 4001)
        #expect(try lake.run(input).status == 0)
        #expect(try lake.rows("silver_trades") == 4001)
        #expect(try lake.rows("bronze_trades_binance") == 4000)
        #expect(try lake.run(input).stderr.hasSuffix("nothing to add\n"))
    }
}
