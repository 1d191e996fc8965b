import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore
import K2TestSupport
import Testing

@testable import K2Maintenance

struct DuplicatesTests {
    /// A table as K2 makes it, so that rows have an identity.
    /// - Parameter column: by which it is partitioned.
    private func lake(_ name: String, by column: String? = nil) throws -> CompactLake {
        let definition = try #require(MarketTables.all.first { $0.coldName == name })
        let schema = try LakeSchema(definition)
        let fields = column.flatMap { schema.schema.field(named: $0) }.map { PartitionField(sourceID: $0.id, fieldID: 1000, name: $0.name, transform: .identity) }
        return try CompactLake(name, schema: schema.schema, spec: PartitionSpec(fields: fields.map { [$0] } ?? []), sortOrder: schema.sortOrder)
    }

    private func id(_ lake: CompactLake, _ name: String) throws -> Int { try #require(try lake.table.metadata.currentSchema.field(named: name)).id }

    private func text(_ text: String) -> Cell { .bytes(Array(text.utf8)) }

    private func trade(_ lake: CompactLake, _ sequence: Int64?, _ symbol: String = "BTCUSDT", price: Int128 = 1, tradeID: String? = nil) throws -> Row {
        var values: [String: Cell] = [
            "exchange": text("binance"), "symbol": text(symbol), "price": .decimal(price), "trade_id": text(tradeID ?? "T\(sequence ?? 0)"),
        ]
        if let sequence { values["source_sequence"] = .integer(sequence) }
        return try lake.row(values)
    }

    private var options: CompactOptions {
        var options = CompactOptions()
        options.removesDuplicates = true
        return options
    }

    @Test func `of trades with one id the first stays, however the others came`() throws {
        let lake = try lake("silver_trades")
        func again(_ row: Row, _ time: Int64) throws -> Row {
            var row = row
            row[try id(lake, "ingestion_timestamp")] = .integer(time)
            row[try id(lake, "origin")] = text("rest")
            return row
        }
        let first = try [trade(lake, 1), trade(lake, 2), trade(lake, nil, tradeID: "A"), trade(lake, 2, "ETHUSDT")].map { try again($0, 1) }
        let second = try [trade(lake, 2), trade(lake, 3), trade(lake, nil, tradeID: "A"), trade(lake, nil, tradeID: "B")].map { try again($0, 2) }
        let third = [try again(second[1], 3), try again(second[1], 4)]
        for rows in [first, second, third] { try lake.append([try lake.write(rows, partition: [])]) }
        let outcome = try lake.compact(options)
        let expected = Dictionary(uniqueKeysWithValues: (first + [second[1], second[3]]).map { ($0, 1) })
        #expect(try lake.content() == expected)
        #expect(outcome.facts["duplicates"] == [["partition": "all", "rows": 4]] && outcome.facts["rows_removed"] == 4)
        #expect(outcome.summary.contains("4 duplicate rows removed"))
        #expect(try lake.compact(options).status == .nothing)
    }

    @Test func `rows of one identity that differ all stay, and are counted`() throws {
        let lake = try lake("silver_trades")
        let rows = [
            try trade(lake, 1, price: 1), try trade(lake, 1, price: 2), try trade(lake, 1, price: 1), try trade(lake, 2, price: 3), try trade(lake, 2, price: 3),
            try trade(lake, 3),
        ]
        var list = try trade(lake, 3)
        list[try id(lake, "trade_conditions")] = .list([text("late")])
        for row in rows + [list] { try lake.append([try lake.write([row], partition: [])]) }
        var lines: [String] = []
        let planned = try Compaction(lake.work(isDryRun: true, show: { lines.append($0.text()) }), options).run()
        let outcome = try lake.compact(options)
        #expect(try lake.content() == [rows[0]: 1, rows[1]: 1, rows[3]: 1, rows[5]: 1, list: 1])
        for outcome in [planned, outcome] {
            #expect(outcome.facts["conflicting"] == 4 && outcome.facts["rows_removed"] == 2 && outcome.summary.contains("4 conflicting rows left"), "\(outcome.summary)")
        }
        #expect(lines.contains("silver_trades: all: 4 conflicting rows would stay: of one identity with others, and different"))
        let again = try lake.compact(options)
        #expect(again.status == .nothing && again.facts["conflicting"] == 4)
        #expect(try lake.compact(CompactOptions()).facts["conflicting"] == nil)
    }

    @Test func `trades are the same by their trade id, not by their sequence number`() throws {
        let lake = try lake("silver_trades")
        let rows = [
            try trade(lake, 5, tradeID: "A"), try trade(lake, 5, tradeID: "B"), try trade(lake, 6, price: 2, tradeID: "A"), try trade(lake, 5, tradeID: "B"),
        ]
        for row in rows { try lake.append([try lake.write([row], partition: [])]) }
        let outcome = try lake.compact(options)
        #expect(try lake.content() == [rows[0]: 1, rows[1]: 1, rows[2]: 1] && outcome.facts["conflicting"] == 2)
    }

    @Test func `the trade that was taken in first stays, also after its file was compacted`() throws {
        let lake = try lake("silver_trades")
        func taken(_ sequence: Int64, at time: Int64) throws -> Row {
            var row = try trade(lake, sequence)
            row[try id(lake, "ingestion_timestamp")] = .integer(time)
            return row
        }
        // Neither the order of files nor that of rows within them tells which was first.
        let first = try (0..<5).map { try taken($0, at: 10 + $0) }
        try lake.append([try lake.write(try (0..<5).map { try taken($0, at: 100 + $0) }, partition: [])])
        for row in first { try lake.append([try lake.write([row], partition: [])]) }
        _ = try lake.compact(CompactOptions())
        try lake.append([try lake.write(try (0..<5).map { try taken($0, at: 50 + $0) }, partition: [])])
        _ = try lake.compact(options)
        #expect(try lake.content() == Dictionary(uniqueKeysWithValues: first.map { ($0, 1) }))
    }

    @Test func `of candles the newest revision stays`() throws {
        let lake = try lake("gold_ohlcv_1m")
        func candle(_ window: Int64, _ revision: Int64, _ close: Int128) throws -> Row {
            try lake.row([
                "exchange": text("kraken"), "canonical_symbol": text("BTC/USD"), "window_start": .integer(window), "revision": .integer(revision),
                "close_price": .decimal(close),
            ])
        }
        let rows = [try candle(1, 0, 1), try candle(1, 2, 2), try candle(1, 1, 3), try candle(2, 0, 4), try candle(2, 0, 5)]
        for row in rows { try lake.append([try lake.write([row], partition: [])]) }
        let outcome = try lake.compact(options)
        // Of one revision there are two versions: the table does not say which is right.
        #expect(try lake.content() == [rows[1]: 1, rows[3]: 1, rows[4]: 1] && outcome.facts["rows_removed"] == 2 && outcome.facts["conflicting"] == 2)
    }

    @Test func `rows that are deleted already hold nothing`() throws {
        let lake = try lake("silver_trades")
        let rows = [try trade(lake, 1, price: 1), try trade(lake, 1, price: 2)]
        for row in rows { try lake.append([try lake.write([row], partition: [])]) }
        try lake.addDeletes([try lake.positionDeletes([(try lake.dataFiles[1].path, 0)], specID: 0, partition: [])])
        let left = try lake.content()
        _ = try lake.compact(options)
        #expect(try lake.content() == left && left.count == 1)
    }

    @Test func `without the flag they stay, and a dry run only tells`() throws {
        let lake = try lake("silver_trades")
        for time in 0..<6 {
            var row = try trade(lake, 1)
            row[try id(lake, "ingestion_timestamp")] = .integer(Int64(time))
            try lake.append([try lake.write([row], partition: [])])
        }
        _ = try lake.compact(CompactOptions())
        #expect(try lake.content().count == 6)
        var lines: [String] = []
        let outcome = try Compaction(lake.work(isDryRun: true, show: { lines.append($0.text()) }), options).run()
        #expect(outcome.status == .planned && lines.contains("silver_trades: all: 5 duplicate rows would go") && outcome.summary.contains("5 duplicate rows would go"))
        #expect(try lake.content().count == 6)
    }

    @Test func `tables whose rows have no identity are refused`() throws {
        let lake = try CompactLake(schema: try Schema(fields: [NestedField(2, "id", .long, required: true)]))
        let error = #expect(throws: LakeError.self) { try lake.compact(options) }
        #expect(error?.code == .configuration && error?.message.contains("--dedupe") == true)
    }

    @Test func `the file with the row that stays must still be there`() throws {
        let lake = try lake("silver_trades")
        // The first file is of the wanted size and is not taken itself.
        var options = options
        let first = try lake.write((0..<30).map { try trade(lake, $0) }, partition: [])
        options.targetSize = Int(first.fileSize)
        try lake.append([first])
        try lake.append([try lake.write([try trade(lake, 7)], partition: [])])
        var notes: [String] = []
        lake.catalog.beforeCommit = {
            let loop = CommitLoop(catalog: lake.inner, store: lake.memory, environment: lake.clock.environment)
            _ = try loop.overwrite(removing: [first.path], adding: [], in: lake.identifier)
        }
        options.maxCommits = 1
        _ = try lake.compact(options) { notes.append($0) }
        #expect(notes.contains { $0.contains("\(first.path) is not in the table any more") })
        #expect(try lake.content().count == 1)
    }

    @Test func `a partition with a file that cannot be read is left out, and others are searched`() throws {
        let lake = try lake("silver_trades", by: "exchange")
        for exchange in ["binance", "kraken"] {
            for number in 0..<3 {
                var row = try trade(lake, Int64(number % 2))
                row[try id(lake, "exchange")] = text(exchange)
                try lake.append([try lake.write([row], partition: [.string(exchange)])])
            }
        }
        func files(_ exchange: String) throws -> [DataFile] { try lake.dataFiles.filter { $0.partition == [.string(exchange)] } }
        let broken = try files("binance")[1]
        try lake.memory.put([UInt8](repeating: 0, count: Int(broken.fileSize)), to: broken.path)
        for isDryRun in [true, false] {
            var (notes, shown): ([String], [String]) = ([], [])
            let work = lake.work(isDryRun: isDryRun, note: { notes.append($0) }, show: { shown.append($0.text()) })
            let outcome = try Compaction(work, options).run()
            let line = "exchange=binance: left out: --dedupe: \(broken.path): "
            #expect(outcome.status == .incomplete && outcome.summary.hasPrefix(line) && notes.count == 1 && notes[0].hasPrefix(line))
            #expect(outcome.facts["duplicates"] == [["partition": "exchange=kraken", "rows": 1]])
            if isDryRun { #expect(shown.last == "silver_trades: exchange=kraken: 1 duplicate row would go") }
        }
        #expect(try files("binance").count == 3 && files("kraken").reduce(0) { $0 + $1.recordCount } == 2)
    }

    @Test func `what is found does not depend on memory`() throws {
        var random = Seeded.start()
        let lake = try lake("silver_trades")
        for _ in 0..<5 { try lake.append([try lake.write(try (0..<60).map { _ in try trade(lake, Int64(random.int(0...80))) }, partition: [])]) }
        func find(_ work: Int) throws -> Duplicates {
            try Duplicates.find(
                LiveTable(lake.table.metadata, lake.memory), work: lake.work(), filter: nil, store: lake.memory, budget: MemoryBudget(work: work))
        }
        let (whole, parts) = (try find(1 << 30), try find(2_000))
        #expect(whole.masks == parts.masks && whole.witnesses == parts.witnesses && whole.rowCount == parts.rowCount && whole.rowCount > 200)
    }
}
