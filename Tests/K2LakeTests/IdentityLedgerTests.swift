import K2Bytes
import K2Domain
import K2Iceberg
import K2StateStore
import Testing

@testable import K2Lake

struct IdentityLedgerTests {
    @Test func `ids of the batch, of earlier batches and of earlier runs are duplicates`() throws {
        let lake = try LakeFixture()
        let first = try lake.load((1...10).map { Records.trade($0) } + [Records.trade(5), Records.trade(10)], commitEvery: 4)
        #expect(first.rows("silver_trades") == 10 && first.stats.duplicates == 2 && first.reports.count == 3)
        let again = try lake.load((1...10).map { Records.trade($0) })
        #expect(again.reports.isEmpty && again.stats.duplicates == 10)
        let overlapping = try lake.load((8...13).map { Records.trade($0) })
        #expect(overlapping.rows("silver_trades") == 3 && overlapping.stats.duplicates == 3)
        #expect(try lake.rows("silver_trades").compactMap { $0["source_sequence"]?.integer }.sorted() == Array(1...13))
    }

    @Test func `the same id of another symbol, exchange or table is another row`() throws {
        let lake = try LakeFixture()
        let outcome = try lake.load([
            Records.trade(1), Records.trade(1, symbol: "ETHUSDT"), Records.trade(1, exchange: "kraken"), Records.bronze(1), Records.bronze(1, symbol: "ETHUSDT"),
            Records.bronze(1, exchange: "kraken"),
        ])
        #expect(outcome.stats.duplicates == 0 && outcome.rows("silver_trades") == 3 && outcome.rows("bronze_trades_binance") == 2)
        #expect(outcome.rows("bronze_trades_kraken") == 1)
    }

    @Test func `rows without a numeric id are told apart by their trade id`() throws {
        let lake = try LakeFixture()
        let lines = ["aa", "bb", "aa", "cc"].map { Records.anonymousTrade($0) }
        let first = try lake.load(lines)
        #expect(first.rows("silver_trades") == 3 && first.stats.duplicates == 1)
        let second = try lake.load(lines + [Records.anonymousTrade("dd")])
        #expect(second.rows("silver_trades") == 1 && second.stats.duplicates == 4)
        // The same digest on another symbol.
        #expect(try lake.load([Records.anonymousTrade("aa", ["symbol": "\"ETHUSD\""])]).rows("silver_trades") == 1)
    }

    @Test func `an identity is that of the values, however they are spelled`() throws {
        let lake = try LakeFixture()
        _ = try lake.load([Records.candle("BTC/USDT", 0), Records.gap(5, 6), Records.trade(1), Records.anonymousTrade("aa")])
        let spelled = try lake.load([
            Records.candle("BTC/USDT", 0, ["window_start": "\"1970-01-01T00:00:00Z\""]),
            Records.candle("BTC/USDT", 0, ["window_start": "\"1970-01-01T01:00:00.0+01:00\""]),
            Records.candle("BTC\\/\\u0055SDT", 0), Records.gap(5, 6, ["first_missing": "\"5\"", "last_missing": "\"6\""]),
            Records.gap(5, 6, state: "\\u006fpen"), Records.trade(1, symbol: "\\u0042TCUSDT"), Records.trade(1, ["source_sequence": "\"1\""]),
            Records.anonymousTrade("\\u0061a"),
        ])
        #expect(spelled.reports.isEmpty && spelled.stats.duplicates == 8)
    }

    @Test func `gaps differ by their range, state and time`() throws {
        let lake = try LakeFixture()
        let later = Records.quoted(Records.time(Records.start.microseconds + 500))
        let lines = [
            Records.gap(5, 6), Records.gap(5, 7), Records.gap(4, 6), Records.gap(5, 6, state: "filled"), Records.gap(5, 6, ["detected_at": later]),
            Records.gap(5, 6, ["cause": nil]),
        ]
        let outcome = try lake.load(lines)
        #expect(outcome.rows("feed_gaps") == 5 && outcome.stats.duplicates == 1)
        #expect(try lake.load(lines).reports.isEmpty)
    }

    @Test func `ids that no id can be are refused`() throws {
        let lake = try LakeFixture()
        let outcome = try lake.load(["-1", "9223372036854775808", "1.5", "true", "\"x\"", "1e3"].map { Records.trade(1, ["source_sequence": $0]) })
        #expect(outcome.refused.count == 6 && outcome.reports.isEmpty && outcome.stats.rejected == 6)
        #expect(try lake.load([Records.trade(0), Records.trade(1, ["source_sequence": "\"9223372036854775807\""])]).rows("silver_trades") == 2)
        #expect(try lake.load([Records.trade(0), Records.trade(1, ["source_sequence": "\"9223372036854775807\""])]).reports.isEmpty)
    }

    /// Against a plain set of names.
    @Test func `any mixture of ids, batches and runs keeps each name once`() throws {
        var random = LakeRandom.start()
        let lake = try LakeFixture()
        var held: Set<String> = []
        for _ in 0..<6 {
            var lines: [String] = []
            var fresh = 0
            for _ in 0..<300 {
                let (exchange, symbol) = (random.pick(["binance", "kraken"]), random.pick(["A", "B", "C"]))
                let id = random.chance(50) ? random.below(400) : random.below(400) * 1_000_003
                let isAnonymous = random.chance(20)
                let name = "\(exchange)|\(symbol)|\(isAnonymous ? "x" : "")\(id)"
                if held.insert(name).inserted { fresh += 1 }
                lines.append(
                    isAnonymous
                        ? Records.trade(id, exchange: exchange, symbol: symbol, ["source_sequence": nil])
                        : Records.trade(id, exchange: exchange, symbol: symbol))
            }
            let outcome = try lake.load(lines, commitEvery: random.below(200) + 1)
            #expect(outcome.rows("silver_trades") == Int64(fresh) && outcome.stats.duplicates == 300 - fresh, "seed \(random.seed)")
        }
        let names = try lake.rows("silver_trades").map { row in
            "\(row["exchange"]!.text!)|\(row["symbol"]!.text!)|\(row["source_sequence"] == .null ? "x" : "")\(row["trade_id"]!.text!.split(separator: "-").last!)"
        }
        #expect(names.count == held.count && Set(names) == held, "seed \(random.seed)")
    }

    @Test func `the batch id is that of its rows, in whatever order they came`() throws {
        let lines = [Records.trade(1), Records.trade(2), Records.trade(7, exchange: "kraken"), Records.anonymousTrade("aa"), Records.anonymousTrade("bb")]
        let ids = try [lines, lines.reversed(), lines + lines].map { try LakeFixture().load($0).reports.map(\.batchID) }
        #expect(ids[0] == ids[1] && ids[0] == ids[2] && ids[0].count == 1)
        let other = try LakeFixture().load(Array(lines.dropLast())).reports.map(\.batchID)
        #expect(other != ids[0])
        let lake = try LakeFixture()
        _ = try lake.load(lines)
        let summary = try #require(try lake.table("silver_trades").metadata.currentSnapshot?.summary)
        #expect(summary["k2.batch-id"] == ids[0][0] && summary["added-records"] == "5")
    }
}
