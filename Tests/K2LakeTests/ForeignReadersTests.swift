import Foundation
import K2Domain
import K2Iceberg
import K2ObjectStore
import K2TestSupport
import Testing

@testable import K2Lake

/// Other engines read what the lake wrote, and append to it.
@Suite(.enabled(if: TestPython.main != nil, "needs pyiceberg, pyarrow and chdb: K2_TEST_PYTHON"))
struct ForeignReadersTests {
    private let minute: Int64 = 60_000_000
    private let start = Records.start.microseconds

    /// Candles of two months and exchanges, some of them revised twice, over several runs.
    private func revisedLake(_ folder: TestFolder) throws -> LakeFixture {
        let lake = try LakeFixture(folder: folder.path)
        let month: Int64 = 31 * 86_400_000_000
        func candle(_ window: Int64, _ revision: Int, exchange: String = "binance") -> String {
            Records.candle("BTC/USDT", start + (window % 2) * month + window * minute, revision: revision, close: "\(window * 10 + Int64(revision))", exchange: exchange)
        }
        _ = try lake.load((0..<20).map { candle($0, 0) } + (0..<5).map { candle($0, 0, exchange: "kraken") })
        _ = try lake.load([candle(3, 1), candle(4, 1), candle(20, 0), candle(2, 1, exchange: "kraken")])
        _ = try lake.load([candle(3, 2), candle(3, 3), candle(7, 1), candle(4, 0)])
        return lake
    }

    /// 26 candles; the sum of closes: 10 × (0…20) + 10 × (0…4) and the revisions 3 + 1 + 1 + 1.
    private static let expected = "26 26 2206.000000000000 3"

    @Test func `pyiceberg sees one row a candle, and the earlier revisions by time travel`() throws {
        let folder = try TestFolder()
        _ = try revisedLake(folder)
        let script = #"""
            import sys
            from pyiceberg.catalog import load_catalog
            table = load_catalog("k2", type="sql", uri="sqlite:///" + sys.argv[1]).load_table("cold.gold_ohlcv_1m")
            for snapshot in [None] + [s.snapshot_id for s in table.snapshots()]:
                rows = table.scan(snapshot_id=snapshot).to_arrow().to_pylist()
                names = {(r["exchange"], r["canonical_symbol"], r["window_start"]) for r in rows}
                third = [r["revision"] for r in rows if r["exchange"] == "binance" and r["close_price"] // 10 == 3]
                print(len(rows), len(names), sum(r["close_price"] for r in rows), *third)
            print(len(list(table.scan(row_filter="exchange == 'kraken'").plan_files())), len(list(table.scan(row_filter="window_start >= '2026-03-01T00:00:00+00:00'").plan_files())))
            """#
        let lines = try TestPython.main!.run(script, [folder.path + "/catalog.db"]).split(separator: "\n").map(String.init)
        #expect(lines == [Self.expected, "25 25 2000.000000000000 0", "26 26 2203.000000000000 1", Self.expected, "\(lines[4])"])
        // Pruning by exchange and month leaves files out: fewer than the table has.
        let counts = lines[4].split(separator: " ").compactMap { Int($0) }
        #expect(counts.allSatisfy { $0 > 0 && $0 < 8 }, "\(lines[4])")
    }

    @Test(.enabled(if: TestPython.duckDB != nil, "needs DuckDB 1.5.5 with its extensions: K2_TEST_DUCKDB_ICEBERG_PYTHON"))
    func `DuckDB sees one row a candle`() throws {
        let folder = try TestFolder()
        let lake = try revisedLake(folder)
        let script = #"""
            import sys, os, duckdb, duckdb_extension_iceberg, duckdb_extension_avro
            con = duckdb.connect()
            base = lambda m, n: os.path.join(os.path.dirname(m.__file__), "extensions", "v" + duckdb.__version__, n + ".duckdb_extension")
            con.execute("LOAD '%s'" % base(duckdb_extension_avro, "avro"))
            con.execute("LOAD '%s'" % base(duckdb_extension_iceberg, "iceberg"))
            print(*con.execute("SELECT count(*), count(DISTINCT (exchange, canonical_symbol, window_start)), sum(close_price)::VARCHAR, "
                "max(revision) FILTER (exchange = 'binance') FROM iceberg_scan('%s')" % sys.argv[1]).fetchone())
            """#
        #expect(try TestPython.duckDB!.run(script, [lake.table("gold_ohlcv_1m").metadataLocation]) == Self.expected + "\n")
    }

    @Test func `the ClickHouse engine sees one row a candle`() throws {
        let folder = try TestFolder()
        _ = try revisedLake(folder)
        let script = #"""
            import os, sys
            # The engine reads below its working folder only.
            os.chdir("/")
            import chdb
            print(str(chdb.query("SELECT count(), uniqExact(exchange, canonical_symbol, window_start), sum(close_price), "
                "maxIf(revision, exchange = 'binance') FROM icebergLocal('%s')" % sys.argv[1], "TSV")).replace("\t", " ").strip())
            """#
        let found = try TestPython.main!.run(script, [folder.path + "/warehouse/cold/gold_ohlcv_1m"])
        #expect(found == "26 26 2206 3\n" || found == Self.expected + "\n")
    }

    @Test func `rows that pyiceberg appended stay when we append and revise`() throws {
        let folder = try TestFolder()
        let lake = try LakeFixture(folder: folder.path)
        _ = try lake.load((1...10).map { Records.trade($0) } + (0..<4).map { Records.candle("BTC/USDT", start + $0 * minute) })
        let script = #"""
            import sys, pyarrow as pa, pyarrow.compute as pc
            from pyiceberg.catalog import load_catalog
            catalog = load_catalog("k2", type="sql", uri="sqlite:///" + sys.argv[1])
            for name, column in (("cold.silver_trades", "trade_id"), ("cold.gold_ohlcv_1m", "canonical_symbol")):
                table = catalog.load_table(name)
                rows = table.scan().to_arrow()
                copy = rows.set_column(rows.schema.get_field_index(column), rows.schema.field(column), pc.binary_join_element_wise(rows[column].cast(pa.string()), "X", "").cast(rows.schema.field(column).type))
                table.append(copy)
                print(catalog.load_table(name).scan().to_arrow().num_rows)
            """#
        #expect(try TestPython.main!.run(script, [folder.path + "/catalog.db"]) == "20\n8\n")
        _ = try lake.load((8...15).map { Records.trade($0) } + [Records.candle("BTC/USDT", start + minute, revision: 1, close: "9")])
        let trades = try lake.rows("silver_trades").compactMap { $0["trade_id"]?.text }
        #expect(Set(trades) == Set((1...15).map { "BINANCE-\($0)" } + (1...10).map { "BINANCE-\($0)X" }) && trades.count == 25)
        let candles = try lake.rows("gold_ohlcv_1m").map { "\($0["canonical_symbol"]!.text!) \(($0["window_start"]!.integer! - start) / minute) \($0["revision"]!.integer!)" }
        #expect(candles.sorted() == ["BTC/USDT 0 0", "BTC/USDT 1 1", "BTC/USDT 2 0", "BTC/USDT 3 0"] + (0..<4).map { "BTC/USDTX \($0) 0" })
        let count = "import sys\nfrom pyiceberg.catalog import load_catalog\nc = load_catalog('k2', type='sql', uri='sqlite:///' + sys.argv[1])\nprint(*[c.load_table('cold.' + n).scan().to_arrow().num_rows for n in ('silver_trades', 'gold_ohlcv_1m')])"
        #expect(try TestPython.main!.run(count, [folder.path + "/catalog.db"]) == "25 8\n")
    }
}
