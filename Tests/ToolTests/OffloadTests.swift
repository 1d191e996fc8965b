import Foundation
import K2TestSupport
import Testing

struct OffloadTests {
    @Test func `the same recording twice adds nothing and says so, an overlapping one only what is new`() throws {
        let lake = try OffloadLake()
        let all = try OffloadInput.stream("binance", trades: 3000, seed: 5, normalize: "--bronze --gap-patience 1s")
        let lines = OffloadInput.lines(all)
        let trades = lines.filter { $0.starts(with: Array(#"{"kind":"trade""#.utf8)) }
        let first = try lake.run(Array(trades[..<2000].joined()))
        #expect(first.status == 0 && first.stdout.isEmpty)
        #expect(first.stderr.hasPrefix("k2-offload: silver_trades: 2000 rows added, "))
        let again = try lake.run(Array(trades[..<2000].joined()))
        #expect(again.status == 0)
        #expect(again.stderr == "k2-offload: 2000 rows were in the lake already and were left out\nk2-offload: nothing to add\n")
        #expect(try lake.status()["silver_trades"]?["snapshots"] as? Int == 1)
        let rest = try lake.run(Array(trades[1500...].joined()), ["--commit-rows", "300"])
        #expect(rest.status == 0 && rest.stderr.contains("silver_trades: 1000 rows added"))
        #expect(rest.stderr.contains("500 rows were in the lake already"))
        #expect(try lake.rows("silver_trades") == 3000)
        let whole = try lake.run(all)
        #expect(whole.status == 0 && !whole.stderr.contains("silver_trades") && whole.stderr.contains("bronze_trades_binance: 3000 rows added"))
        #expect(try lake.status().count == 8, "silver, bronze, six intervals")
    }

    @Test func `SIGTERM commits what was read`() throws {
        let lake = try OffloadLake()
        let tool = try lake.start(["--commit-interval", "1h", "--commit-rows", "100"])
        try tool.write((1...130).flatMap { OffloadInput.trade($0) })
        #expect(try lake.wait(rows: 100))
        // All of it fits into the pipe, and is read with what came before it.
        usleep(500_000)
        tool.send(signal: SIGTERM)
        let result = try tool.finish()
        #expect(result.status == 143)
        #expect(result.stderr.hasPrefix("k2-offload: silver_trades: 130 rows added"), "\(result.stderr)")
        #expect(try lake.rows("silver_trades") == 130)
        #expect(try lake.run(OffloadInput.trade(131)).status == 0, "the lease was given back")
    }

    @Test func `rows appear after the commit interval while stdin stays open`() throws {
        let lake = try OffloadLake()
        let tool = try lake.start(["--commit-interval", "300ms"])
        try tool.write(OffloadInput.trade(1) + OffloadInput.trade(2))
        #expect(try lake.wait(rows: 2))
        try tool.write(OffloadInput.trade(3))
        #expect(try lake.wait(rows: 3))
        let result = try tool.finish(stdin: OffloadInput.trade(3))
        #expect(result.status == 0 && result.stderr.contains("3 rows added, 2 files") && result.stderr.contains("1 rows were in the lake already"))
        #expect(try lake.status()["silver_trades"]?["snapshots"] as? Int == 2)
    }

    @Test func `a second process finds the lease held and changes nothing`() throws {
        let lake = try OffloadLake()
        let first = try lake.start(["--commit-interval", "200ms"])
        try first.write(OffloadInput.trade(1))
        #expect(try lake.wait(rows: 1), "a table is leased from its first row to the end of the run")
        let second = try lake.run(OffloadInput.trade(2))
        #expect(second.status == 75)
        #expect(second.stderr.hasPrefix("k2-offload: silver_trades: ") && second.stderr.contains("lease is held by"), "\(second.stderr)")
        #expect(second.stderr.filter { $0 == "\n" }.count == 1)
        let result = try first.finish(stdin: OffloadInput.trade(3))
        #expect(result.status == 0 && result.stderr.contains("2 rows added"))
        #expect(try lake.rows("silver_trades") == 2)
        #expect(try lake.run(OffloadInput.trade(2)).status == 0)
        #expect(try lake.rows("silver_trades") == 3)
    }

    @Test func `status shows a table, reconcile what it found`() throws {
        let lake = try OffloadLake()
        let empty = try lake.verb("status")
        #expect(empty.status == 0 && empty.lines.count == 1 && empty.lines[0].hasPrefix("table"))
        #expect(try lake.verb("status", "--json").stdout.isEmpty)
        #expect(try lake.verb("reconcile").text == "no open batches\n")
        _ = try lake.run(OffloadInput.trade(1) + OffloadInput.trade(2))
        let shown = try lake.verb("status")
        #expect(shown.lines.count == 2 && shown.stderr.isEmpty)
        let fields = shown.lines[1].split(separator: " ")
        #expect(fields.count == 11 && fields[0] == "silver_trades" && fields[3] == "committed" && fields[5...6] == ["2", "1"], "\(shown.lines[1])")
        #expect(Set(shown.lines.map { $0.firstRange(of: "  ") != nil }) == [true])
        let status = try #require(try lake.status()["silver_trades"])
        #expect(status["rows"] as? Int == 2 && status["files"] as? Int == 1 && status["open_intents"] as? Int == 0)
        #expect(status["snapshot_id"] is String && status["location"] as? String == "file://\(lake.path)/warehouse/cold/silver_trades")
        #expect((status["last_run"] as? [String: Any])?["status"] as? String == "committed")
    }

    @Test func `only the tables asked for are filled`() throws {
        let lake = try OffloadLake()
        let input = try OffloadInput.stream("kraken", trades: 200, seed: 3)
        let result = try lake.run(input, ["--tables", "silver_trades,gold_ohlcv_1h", "--stats"])
        #expect(result.status == 0 && result.stderr.contains("; skipped "))
        #expect(try Set(lake.status().keys) == ["silver_trades", "gold_ohlcv_1h"])
    }

    @Test func `nothing in, nothing made, quickly`() throws {
        let lake = try OffloadLake()
        let result = try lake.run([])
        #expect(result.status == 0 && result.stderr == "k2-offload: nothing to add\n")
        #expect(try lake.status().isEmpty)
    }
}
