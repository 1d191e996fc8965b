import K2Bytes
import K2Domain
import K2ObjectStore
import K2Parquet
import K2StateStore
import Testing

@testable import K2Iceberg

@testable import K2Lake

struct GoldRevisionTests {
    private let minute: Int64 = 60_000_000
    private let start = Records.start.microseconds

    /// (symbol and window) → (revision, close) of all rows; a candle that is there twice fails.
    private func candles(_ lake: LakeFixture, snapshot: Int64? = nil) throws -> [String: String] {
        var result: [String: String] = [:]
        for row in try lake.rows("gold_ohlcv_1m", snapshot: snapshot) {
            let name = "\(row["exchange"]!.text!) \(row["canonical_symbol"]!.text!) \((row["window_start"]!.integer! - start) / minute)"
            #expect(result[name] == nil, "\(name) is there twice")
            result[name] = "r\(row["revision"]!.integer!) \(row["close_price"]!.decimal! / 1_000_000_000_000)"
        }
        return result
    }

    private func candle(_ window: Int64, _ revision: Int, _ close: Int, symbol: String = "BTC/USDT", exchange: String = "binance") -> String {
        Records.candle(symbol, start + window * minute, revision: revision, close: "\(close)", exchange: exchange)
    }

    @Test func `the newest revision wins within a batch`() throws {
        let lake = try LakeFixture()
        let outcome = try lake.load([candle(0, 0, 1), candle(0, 1, 2), candle(1, 0, 3), candle(0, 2, 4), candle(0, 1, 9), candle(0, 2, 8)])
        #expect(outcome.rows("gold_ohlcv_1m") == 2 && outcome.stats.duplicates == 2)
        #expect(try candles(lake) == ["binance BTC/USDT 0": "r2 4", "binance BTC/USDT 1": "r0 3"])
        #expect(try lake.dataFiles("gold_ohlcv_1m").map(\.recordCount) == [2])
    }

    @Test func `a later revision replaces the earlier one across batches and runs, and history keeps it`() throws {
        let lake = try LakeFixture()
        _ = try lake.load([candle(0, 0, 1), candle(1, 0, 10), candle(2, 0, 20, symbol: "ETH/USDT"), candle(0, 1, 2)], commitEvery: 3)
        let before = try lake.table("gold_ohlcv_1m").metadata.snapshots.map(\.snapshotID)
        #expect(before.count == 2)
        let other = ["binance BTC/USDT 1": "r0 10", "binance ETH/USDT 2": "r0 20"]
        #expect(try candles(lake) == other.merging(["binance BTC/USDT 0": "r1 2"]) { $1 })
        _ = try lake.load([candle(0, 5, 3), candle(7, 0, 70)])
        #expect(try candles(lake) == other.merging(["binance BTC/USDT 0": "r5 3", "binance BTC/USDT 7": "r0 70"]) { $1 })
        #expect(try candles(lake, snapshot: before[0]) == other.merging(["binance BTC/USDT 0": "r0 1"]) { $1 })
        #expect(try candles(lake, snapshot: before[1]) == other.merging(["binance BTC/USDT 0": "r1 2"]) { $1 })
        let last = try #require(try lake.table("gold_ohlcv_1m").metadata.currentSnapshot)
        #expect(last.operation == .overwrite && last.summary["total-records"] == "4" && last.summary["deleted-data-files"] == "1")
    }

    @Test func `an equal or lower revision adds nothing`() throws {
        let lake = try LakeFixture()
        _ = try lake.load([candle(0, 3, 1)])
        let outcome = try lake.load([candle(0, 3, 2), candle(0, 2, 3), candle(0, 0, 4)])
        #expect(outcome.reports.isEmpty && outcome.stats.duplicates == 3)
        #expect(try candles(lake) == ["binance BTC/USDT 0": "r3 1"])
        #expect(try lake.table("gold_ohlcv_1m").metadata.snapshots.count == 1)
    }

    @Test func `a replacement that is refused changes nothing`() throws {
        let lake = try LakeFixture()
        _ = try lake.load([candle(0, 0, 1)])
        let bad = Records.candle("BTC/USDT", start, revision: 1, close: "2", ["buy_volume": "\"x\""])
        let outcome = try lake.load([bad])
        #expect(outcome.refused.count == 1 && outcome.reports.isEmpty)
        // Within a batch, too: the row before it stays.
        let second = try lake.load([candle(1, 0, 5), Records.candle("BTC/USDT", start + minute, revision: 1, close: "6", ["has_gap": "0"])])
        #expect(second.rows("gold_ohlcv_1m") == 1)
        #expect(try candles(lake) == ["binance BTC/USDT 0": "r0 1", "binance BTC/USDT 1": "r0 5"])
        #expect(try lake.load([candle(0, 1, 7)]).rows("gold_ohlcv_1m") == 1)
    }

    @Test func `only files that hold a revised candle are written anew`() throws {
        let lake = try LakeFixture()
        let month: Int64 = 31 * 86_400_000_000
        for (shift, exchange) in [(0, "binance"), (month, "binance"), (0, "kraken")] as [(Int64, String)] {
            _ = try lake.load((0..<5).map { Records.candle("BTC/USDT", start + shift + $0 * minute, exchange: exchange) })
        }
        let before = Set(try lake.dataFiles("gold_ohlcv_1m").map(\.path))
        _ = try lake.load([Records.candle("BTC/USDT", start + 2 * minute, revision: 1, close: "50", exchange: "kraken")])
        let after = try lake.dataFiles("gold_ohlcv_1m")
        let kept = before.intersection(after.map(\.path))
        #expect(before.count == 3 && kept.count == 2 && after.count == 4)
        let removed = try #require(before.subtracting(kept).first)
        #expect(removed.contains("exchange=kraken"))
        #expect(Set(after.filter { !kept.contains($0.path) }.map(\.recordCount)) == [1, 4])
        for file in after { #expect(file.path.contains(file.partition[1] == .string("kraken") ? "exchange=kraken" : "exchange=binance")) }
    }

    @Test func `a file of which nothing is left goes`() throws {
        let lake = try LakeFixture()
        _ = try lake.load([candle(0, 0, 1), candle(1, 0, 2)])
        _ = try lake.load([candle(0, 1, 3), candle(1, 1, 4)])
        #expect(try candles(lake) == ["binance BTC/USDT 0": "r1 3", "binance BTC/USDT 1": "r1 4"])
        #expect(try lake.dataFiles("gold_ohlcv_1m").count == 1)
    }

    @Test func `files of several row groups are written anew as they are`() throws {
        let lake = try LakeFixture()
        _ = try lake.load((0..<10).map { candle(Int64($0), 0, $0) })
        // The same rows in row groups of four, one, no and five rows, in one file.
        let schema = try LakeSchema(MarketTables.gold(.oneMinute))
        let old = try #require(try lake.dataFiles("gold_ohlcv_1m").first)
        let source = try LakeFile(old, in: lake.objects, schema)
        let groups = [0..<4, 4..<5, 5..<10].map { GoldRevision.RowGroup(columns: { try source.columns(rowGroup: 0) }, kept: $0.map { UInt32($0) }) }
        let writer = DataFileWriter(store: lake.objects, schema: schema)
        let file = try writer.write(groups, partition: old.partition, to: old.path + ".groups.parquet")
        let loop = CommitLoop(catalog: lake.inner, store: lake.objects, environment: lake.environment)
        _ = try loop.overwrite(removing: [old.path], adding: [file], in: schema.identifier)
        #expect(file.recordCount == 10 && file.splitOffsets.count == 3)

        _ = try lake.load([candle(4, 1, 44), candle(9, 2, 99), candle(20, 0, 20)])
        var expected = Dictionary(uniqueKeysWithValues: (0..<10).map { ("binance BTC/USDT \($0)", "r0 \($0)") })
        expected["binance BTC/USDT 4"] = "r1 44"
        expected["binance BTC/USDT 9"] = "r2 99"
        expected["binance BTC/USDT 20"] = "r0 20"
        #expect(try candles(lake) == expected)
        // Every column of the rows that stay is as it was.
        let stayed = try lake.rows("gold_ohlcv_1m").filter { $0["revision"] == .integer(0) && $0["close_price"]!.decimal! < 9_000_000_000_000 }
        let originals = try LakeRow.read(try lake.objects.get(old.path)).filter { ![4, 9].contains(($0["window_start"]!.integer! - start) / minute) }
        #expect(Set(stayed) == Set(originals) && stayed.count == 8)
    }

    @Test func `rows that delete files took away do not come back`() throws {
        let lake = try LakeFixture()
        _ = try lake.load((0..<6).map { candle($0, 0, Int($0)) })
        let old = try #require(try lake.dataFiles("gold_ohlcv_1m").first)
        let ids = try LakeRow.read(try lake.objects.get(old.path)).map { ($0["window_start"]!.integer! - start) / minute }
        let (first, second) = (try #require(ids.firstIndex(of: 1)), try #require(ids.firstIndex(of: 4)))
        try addPositionDeletes([first, second], of: old, lake)
        #expect(try lake.load([candle(2, 1, 22), candle(7, 0, 7)]).rows("gold_ohlcv_1m") == 2)
        let name = "binance BTC/USDT"
        #expect(try candles(lake) == ["\(name) 0": "r0 0", "\(name) 2": "r1 22", "\(name) 3": "r0 3", "\(name) 5": "r0 5", "\(name) 7": "r0 7"])
    }

    private func addPositionDeletes(_ rows: [Int], of file: DataFile, _ lake: LakeFixture) throws {
        let fields = [
            ParquetSchema.Field("file_path", id: Int32(DeleteIndex.filePathID), .string, isRequired: true),
            ParquetSchema.Field("pos", id: Int32(DeleteIndex.positionID), .int64, isRequired: true),
        ]
        let object = try lake.objects.openWriter(file.path + ".deletes.parquet")
        var writer = try ParquetWriter(schema: ParquetSchema(fields)) { try object.write($0) }
        try writer.writeRowGroup([Column(.bytes(ByteColumn(rows.map { _ in file.path }))), Column(.int64(rows.map { Int64($0) }))])
        let summary = try writer.finish()
        try object.close()
        let delete = DataFile(
            content: .positionDeletes, path: object.location, specID: file.specID, partition: file.partition, recordCount: summary.rowCount,
            fileSize: summary.fileSize)
        let table = try lake.table("gold_ohlcv_1m")
        let files = TableFiles(metadata: table.metadata, store: lake.objects)
        var update = try TableUpdate(metadata: table.metadata, manifests: try files.manifests(), identity: CommitIdentity(lake.environment))
        let entry = ManifestEntry(status: .added, snapshotID: nil, sequenceNumber: nil, fileSequenceNumber: nil, file: delete)
        let manifests = try update.write([entry], specID: file.specID, .deletes) + update.manifests
        let change = try update.finish(manifests, SummaryCounts(), .overwrite, [:])
        for object in change.objects { try lake.objects.put(object.bytes, to: object.location) }
        _ = try lake.inner.commit(change.updates, requirements: change.requirements, on: table)
    }

    @Test func `a file that was compacted meanwhile is looked for again`() throws {
        let lake = try LakeFixture()
        _ = try lake.load([candle(0, 0, 1), candle(1, 0, 2)])
        _ = try lake.load([candle(2, 0, 3)])
        let loop = CommitLoop(catalog: lake.inner, store: lake.objects, environment: lake.environment)
        var copies = 0
        // Each time, somebody else puts a copy in the place of the files that the revision wants to replace.
        lake.catalog.beforeCommit = {
            guard copies < 3 else { return }
            copies += 1
            for old in try lake.dataFiles("gold_ohlcv_1m") {
                var file = old
                file.path += ".\(copies).parquet"
                try lake.objects.put(try lake.objects.get(old.path), to: file.path)
                _ = try loop.overwrite(removing: [old.path], adding: [file], in: TableIdentifier(LakeSchema.namespace, "gold_ohlcv_1m"))
            }
        }
        let outcome = try lake.load([candle(0, 1, 9), candle(3, 0, 4)])
        #expect(copies == 3 && outcome.rows("gold_ohlcv_1m") == 2)
        let expected = ["binance BTC/USDT 0": "r1 9", "binance BTC/USDT 1": "r0 2", "binance BTC/USDT 2": "r0 3", "binance BTC/USDT 3": "r0 4"]
        #expect(try candles(lake) == expected && lake.state.openIntents(table: nil).isEmpty)
        // Someone who does nothing else: that is told, and nothing is left behind.
        copies = -100
        let error = #expect(throws: LakeError.self) { try lake.load([candle(0, 2, 10)]) }
        #expect(error?.code == .busy)
        lake.catalog.beforeCommit = {}
        #expect(try candles(lake) == expected && lake.state.openIntents(table: nil).isEmpty)
    }

    /// Against a plain dictionary of the newest revisions.
    @Test func `any order of revisions leaves the newest of each candle`() throws {
        var random = LakeRandom.start()
        let lake = try LakeFixture()
        var newest: [String: (revision: Int, close: Int)] = [:]
        for _ in 0..<8 {
            var lines: [String] = []
            for _ in 0..<120 {
                let (window, revision, close) = (random.below(40), random.below(6), random.below(1000))
                let (symbol, exchange) = (random.pick(["A", "B"]), random.pick(["binance", "kraken"]))
                let name = "\(exchange) \(symbol) \(window)"
                if newest[name].map({ revision > $0.revision }) ?? true { newest[name] = (revision, close) }
                lines.append(candle(Int64(window), revision, close, symbol: symbol, exchange: exchange))
            }
            _ = try lake.load(lines, commitEvery: random.below(60) + 5)
            #expect(try candles(lake) == newest.mapValues { "r\($0.revision) \($0.close)" }, "seed \(random.seed)")
        }
    }
}
