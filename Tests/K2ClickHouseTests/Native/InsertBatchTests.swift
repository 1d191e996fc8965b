import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON
import K2Rows
import K2TestSupport
import Testing

@testable import K2ClickHouse

@Suite struct InsertBatchTests {
    /// Rows of random records of a kind.
    private func buffer(_ definition: TableDefinition, _ lines: [String]) throws -> RowBuffer {
        var buffer = RowBuffer(definition)
        var document = JSONDocument()
        var scratch = ByteWriter()
        for line in lines {
            let bytes = Array(line.utf8)
            try document.parse(bytes.span)
            buffer.locate(document, bytes.span)
            try buffer.append(document, bytes.span, scratch: &scratch)
        }
        return buffer
    }

    private func texts(_ buffer: RowBuffer) -> [String] {
        (0..<buffer.rowCount).map { row in
            var output = ByteWriter()
            RecordText.write(buffer, row: row, to: &output)
            return String(decoding: output.array, as: UTF8.self)
        }
    }

    static let kinds: [(kind: String, definition: TableDefinition)] = [
        ("trade", MarketTables.silver), ("bronze", MarketTables.bronze(.kraken)), ("candle", MarketTables.gold(.oneMinute)), ("gap", MarketTables.gaps),
    ]

    @Test(arguments: kinds.indices) func rowsComeBackFromABatch(_ index: Int) throws {
        let (kind, definition) = Self.kinds[index]
        var random = Seeded.start("rowsComeBackFromABatch \(kind)")
        var records = RandomRecords(Seeded(random.next()))
        var codec = try InsertBatchCodec.make()
        for count in [1, 7, 300, 3_000] {
            let rows = try buffer(definition, (0..<count).map { _ in records.next(kind, exchange: "kraken") })
            let batch = try codec.encode(rows)
            #expect(batch.rows == count && batch.table == definition.warmName)
            var bytes = ByteWriter()
            batch.write(to: &bytes)
            let again = try InsertBatch(bytes.bytes)
            #expect(again.block == batch.block && again.columns == batch.columns && again.oldest == batch.oldest && again == batch)
            #expect(texts(try codec.decode(again, definition)) == texts(rows))
        }
    }

    @Test(arguments: kinds.indices) func selectedRowsComeInTheirOrder(_ index: Int) throws {
        let (kind, definition) = Self.kinds[index]
        var random = Seeded.start("selectedRowsComeInTheirOrder \(kind)")
        var records = RandomRecords(Seeded(random.next()))
        var codec = try InsertBatchCodec.make()
        let rows = try buffer(definition, (0..<500).map { _ in records.next(kind, exchange: "kraken") })
        let all = texts(rows)
        for _ in 0..<20 {
            let chosen = (0..<random.int(1...200)).map { _ in UInt32(random.int(0...499)) }
            let batch = try codec.encode(rows, rows: chosen)
            #expect(texts(try codec.decode(batch, definition)) == chosen.map { all[Int($0)] })
        }
    }

    /// The token is what makes a repeated insert harmless.
    @Test func equalRowsHaveEqualTokensAndOthersDoNot() throws {
        var records = RandomRecords(Seeded(7))
        let lines = (0..<50).map { _ in records.next("trade") }
        var codec = try InsertBatchCodec.make()
        let first = try codec.encode(try buffer(MarketTables.silver, lines))
        #expect(try codec.encode(try buffer(MarketTables.silver, lines)).token == first.token)
        var tokens: Set<UInt128> = [first.token]
        for index in lines.indices {
            var changed = lines
            changed[index] = changed[index].replacing("\"currency\":\"USDT\"", with: "\"currency\":\"USDC\"")
            tokens.insert(try codec.encode(try buffer(MarketTables.silver, changed)).token)
        }
        #expect(tokens.count == lines.count + 1)
        let gold = ["1m", "5m"].map { interval in
            var gap = RandomRecords(Seeded(9))
            return gap.next("candle").replacing("\"1m\"", with: "\"\(interval)\"")
        }
        let one = try codec.encode(try buffer(MarketTables.gold(.oneMinute), [gold[0]]))
        let other = try codec.encode(try buffer(MarketTables.gold(.fiveMinutes), [gold[0]]))
        #expect(one.token != other.token, "the table counts")
    }

    @Test func damagedBytesAreErrorsOrOtherRows() throws {
        var random = Seeded.start()
        var records = RandomRecords(Seeded(random.next()))
        var codec = try InsertBatchCodec.make()
        let rows = try buffer(MarketTables.silver, (0..<40).map { _ in records.next("trade") })
        var plain = ByteWriter()
        NativeBlockWriter.write(rows, to: &plain)
        let block = plain.array
        for _ in 0..<3_000 {
            var damaged = block
            for _ in 0..<random.int(1...4) { damaged[random.int(0...(damaged.count - 1))] = UInt8(truncatingIfNeeded: random.next()) }
            if random.once(in: 3) { damaged.removeLast(random.int(0...(damaged.count - 1))) }
            if let read = try? NativeBlockReader.read(damaged.span, MarketTables.silver) { _ = texts(read) }
        }
        var bytes = ByteWriter()
        try codec.encode(rows).write(to: &bytes)
        let whole = bytes.array
        for count in 0..<min(whole.count, 300) {
            let part = Array(whole[..<count])
            _ = try? InsertBatch(part.span)
        }
    }
}
