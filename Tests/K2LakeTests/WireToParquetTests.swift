import Foundation
import K2Bytes
import K2Exchanges
import K2TestSupport
import Testing

@testable import K2Lake
@testable import K2Normalize

/// From the text of an exchange's message to the table and back: equal to the last digit, or refused.
struct WireToParquetTests {
    /// The lines that the normalizer makes of each case; none when it refuses.
    private func records(_ cases: [WireTradeCase]) -> [[String]] {
        var normalizer = Normalizer(catalog: InstrumentCatalog.bundled(), writesBronze: true, gapPatience: .max / 4)
        return cases.map { item in
            var output = ByteWriter(capacity: 4096)
            normalizer.process(Array(item.raw.utf8).span, into: &output)
            let lines = output.bytes.text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("{\"kind\":\"gap\"") }
            #expect(lines.isEmpty != normalizer.refusals.isEmpty, "\(item.raw): \(normalizer.refusals)")
            return lines
        }
    }

    private func check(_ row: LakeRow, _ item: WireTradeCase, _ seed: UInt64, isSilver: Bool) {
        let note: Comment = "seed \(seed): \(item.raw)"
        #expect("\(row["price"]!.decimal!)" == item.price.unscaled(12), note)
        #expect("\(row["quantity"]!.decimal!)" == item.quantity.unscaled(12), note)
        #expect("\(row["quote_volume"]!.decimal!)" == item.product.unscaled(18), note)
        #expect(row["trade_id"] == .text("\(item.exchange.uppercased())-\(item.id)"), note)
        #expect(row["side"] == .text(item.isTakerBuy ? "BUY" : "SELL"), note)
        #expect(row[isSilver ? "timestamp" : "exchange_timestamp"] == .integer(item.time), note)
        #expect(row["ingestion_timestamp"] == .integer(item.received), note)
        guard isSilver else {
            #expect(row["payload"] == .text(item.payload) && row["sequence_number"] == .integer(Int64(item.id)), note)
            return
        }
        #expect(row["vendor_data"] == .map(item.vendor.map { [$0.0, $0.1] }), note)
        #expect(row["is_valid"] == .bool(item.isPositive) && row["exchange"] == .text(item.exchange), note)
        #expect(row["source_sequence"] == .integer(Int64(item.id)), note)
    }

    private func load(_ lake: LakeFixture, _ random: inout LakeRandom, count: Int) throws -> [WireTradeCase] {
        let cases = (0..<count).map { random.wireTrade($0) }
        let records = records(cases)
        var kept: [WireTradeCase] = []
        for (item, lines) in zip(cases, records) {
            if lines.isEmpty {
                #expect(!item.fits || item.isOverlong, "seed \(random.seed): refused though it fits: \(item.raw)")
            } else {
                #expect(item.fits && lines.count == 2, "seed \(random.seed): kept though it does not fit: \(item.raw)")
                kept.append(item)
            }
        }
        let outcome = try lake.load(records.flatMap { $0 }, commitEvery: 500)
        #expect(outcome.refused.isEmpty && outcome.stats.duplicates == 0, "seed \(random.seed): \(outcome.refused.first as Any)")
        return kept
    }

    @Test func `random trades of three exchanges come back exactly, or are refused`() throws {
        var random = LakeRandom.start()
        let lake = try LakeFixture()
        let kept = try load(lake, &random, count: 1200)
        #expect(kept.count > 200 && kept.count < 1100, "the cases are of both kinds")
        let silver = try lake.rows("silver_trades")
        let bronze = try ["binance", "kraken", "coinbase"].flatMap { try lake.rows("bronze_trades_\($0)") }
        #expect(silver.count == kept.count && bronze.count == kept.count)
        for (rows, isSilver) in [(silver, true), (bronze, false)] {
            let byID = Dictionary(grouping: rows) { $0["trade_id"]!.text! }
            for item in kept {
                let found = byID["\(item.exchange.uppercased())-\(item.id)"] ?? []
                #expect(found.count == 1, "seed \(random.seed): \(item.raw)")
                if let row = found.first { check(row, item, random.seed, isSilver: isSilver) }
            }
        }
    }

    /// The same with pyarrow, which does its own arithmetic on the text of the messages.
    @Test(.enabled(if: TestPython.main != nil, "needs pyiceberg and pyarrow: K2_TEST_PYTHON"))
    func `pyiceberg reads the digits that were sent`() throws {
        var random = LakeRandom.start()
        let folder = try TestFolder()
        let lake = try LakeFixture(folder: folder.path)
        let kept = try load(lake, &random, count: 600)
        let expected: [[Any]] = kept.map { item in
            [
                "\(item.exchange.uppercased())-\(item.id)", item.price.text, item.quantity.text, item.time, item.received,
                item.isTakerBuy ? "BUY" : "SELL", item.vendor.map { [$0.0, $0.1] }, item.payload,
            ]
        }
        let path = try folder.file("expected.json", Array(try JSONSerialization.data(withJSONObject: expected)))
        let found = try TestPython.main!.run(Self.compare, [folder.path + "/catalog.db", path])
        #expect(found == "\(kept.count) rows equal\n", "seed \(random.seed): \(found)")
    }

    private static let compare = #"""
        import sys, json, decimal
        from decimal import Decimal
        import pyarrow as pa
        from pyiceberg.catalog import load_catalog
        decimal.getcontext().prec = 200
        catalog = load_catalog("k2", type="sql", uri="sqlite:///" + sys.argv[1])
        expected = {row[0]: row[1:] for row in json.load(open(sys.argv[2]))}
        def rows(name, time):
            table = catalog.load_table(name).scan().to_arrow()
            for column in (time, "ingestion_timestamp"):
                assert table.schema.field(column).type == pa.timestamp("us", tz="UTC"), table.schema
                table = table.set_column(table.schema.get_field_index(column), column, table[column].cast(pa.int64()))
            return table.to_pylist()
        def check(row, time):
            price, quantity, at, received, side, vendor, payload = expected[row["trade_id"]]
            for column, value, scale in (("price", Decimal(price), 12), ("quantity", Decimal(quantity), 12), ("quote_volume", Decimal(price) * Decimal(quantity), 18)):
                assert row[column] == value and row[column].as_tuple().exponent == -scale, (row["trade_id"], column, row[column], value)
            assert row[time] == at and row["ingestion_timestamp"] == received and row["side"] == side, row
            return vendor, payload
        silver = rows("cold.silver_trades", "timestamp")
        bronze = [row for name in ("binance", "kraken", "coinbase") for row in rows("cold.bronze_trades_" + name, "exchange_timestamp")]
        for row in silver:
            vendor, _ = check(row, "timestamp")
            assert [list(pair) for pair in row["vendor_data"]] == vendor, (row["vendor_data"], vendor)
        for row in bronze:
            _, payload = check(row, "exchange_timestamp")
            assert row["payload"] == payload, (row["payload"], payload)
        for found in (silver, bronze):
            assert len(found) == len(expected) and {row["trade_id"] for row in found} == set(expected)
        print(len(silver), "rows equal")
        """#
}
