import K2Bytes
import K2Domain
import K2Iceberg
import K2JSON
import K2Parquet
import K2Rows
import Testing

@testable import K2Lake

struct RowOrderTests {
    private func buffer(_ definition: TableDefinition, _ lines: [String]) throws -> RowBuffer {
        var buffer = RowBuffer(definition)
        var document = JSONDocument()
        var scratch = ByteWriter(capacity: 64)
        for line in lines {
            let bytes = Array(line.utf8)
            try document.parse(bytes.span)
            buffer.locate(document, bytes.span)
            try buffer.append(document, bytes.span, scratch: &scratch)
        }
        return buffer
    }

    /// What the order should be: partitions ascending, in each the rows by (symbol bytes, time, sequence, arrival).
    private struct Row {
        var index: UInt32
        var partition: [Int64]
        var exchange: String
        var symbol: [UInt8]
        var time: Int64
        var sequence: Int64
    }

    private func oracle(_ rows: [Row], dead: Set<UInt32>) -> [[UInt32]] {
        let live = rows.filter { !dead.contains($0.index) }
        let ordered = live.sorted { a, b in
            if a.partition != b.partition { return a.partition.lexicographicallyPrecedes(b.partition) }
            if a.exchange != b.exchange { return a.exchange < b.exchange }
            if a.symbol != b.symbol { return a.symbol.lexicographicallyPrecedes(b.symbol) }
            if a.time != b.time { return a.time < b.time }
            return a.sequence != b.sequence ? a.sequence < b.sequence : a.index < b.index
        }
        var groups: [[UInt32]] = []
        var last: Row?
        for row in ordered {
            if let last, last.partition == row.partition, last.exchange == row.exchange {
                groups[groups.count - 1].append(row.index)
            } else {
                groups.append([row.index])
            }
            last = row
        }
        return groups
    }

    private static let day: Int64 = 86_400_000_000
    /// Around midnights, month ends, leap days, the epoch, and far ends of the calendar.
    private static let anchors: [Int64] = [
        0, -1, -day, day, 951_782_400_000_000, 951_868_800_000_000, 1_709_164_800_000_000, 1_767_225_600_000_000, 1_772_323_200_000_000,
        -62_135_596_800_000_000, 253_402_214_400_000_000, -2_203_891_200_000_000, -126_230_400_000_000,
    ]

    private func randomTime(_ random: inout LakeRandom) -> Int64 {
        let time = random.pick(Self.anchors) + Int64(random.below(9) - 4) * (random.chance(50) ? 1 : Self.day / 2)
        return min(max(time, -62_135_596_800_000_000), 253_402_300_799_999_999)
    }

    private func day(_ time: Int64) -> Int64 { time >= 0 ? time / Self.day : -((-time + Self.day - 1) / Self.day) }

    @Test(arguments: [3, 300, 2500])
    func `trades lie by day, symbol, time and sequence`(_ symbols: Int) throws {
        var random = LakeRandom.start()
        var rows: [Row] = []
        var lines: [String] = []
        for index in 0..<3000 {
            let symbol = symbols == 3 ? random.pick(["Z", "a", "é"]) : "S\(random.below(symbols))/\(random.pick(["A", "B"]))"
            let time = randomTime(&random)
            let sequence = random.chance(20) ? nil : random.below(5)
            lines.append(Records.trade(index, canonical: symbol, at: min(time, 253_402_300_799_999_000), ["source_sequence": sequence.map { "\($0)" }]))
            rows.append(
                Row(
                    index: UInt32(index), partition: [day(min(time, 253_402_300_799_999_000))], exchange: "", symbol: Array(symbol.utf8),
                    time: min(time, 253_402_300_799_999_000), sequence: Int64(sequence ?? 0)))
        }
        var buffer = try buffer(MarketTables.silver, lines)
        for _ in 0..<random.below(200) { buffer.kill(random.below(3000)) }
        let order = try RowOrder(buffer, spec: try LakeSchema(buffer.definition).spec)
        #expect(order.partitions.map { Array($0.rows) } == oracle(rows, dead: buffer.dead), "seed \(random.seed)")
        for part in order.partitions {
            let day = rows[Int(part.rows[part.rows.startIndex])].partition[0]
            #expect(part.partition == [.date(Int32(day))] || part.partition == [.int(Int32(day))])
        }
    }

    @Test func `candles lie by month and exchange`() throws {
        var random = LakeRandom.start()
        var rows: [Row] = []
        var lines: [String] = []
        for index in 0..<2000 {
            let time = randomTime(&random)
            let exchange = random.pick(["binance", "kraken", "coinbase"])
            let symbol = "S\(random.below(1500))"
            lines.append(Records.candle(symbol, min(time, 253_402_300_799_000_000), exchange: exchange))
            let date = Timestamp.civil(day: day(min(time, 253_402_300_799_000_000)))
            rows.append(
                Row(
                    index: UInt32(index), partition: [(date.year - 1970) * 12 + date.month - 1], exchange: exchange, symbol: Array(symbol.utf8),
                    time: min(time, 253_402_300_799_000_000), sequence: 0))
        }
        let order = try RowOrder(try buffer(MarketTables.gold(.oneMinute), lines), spec: try LakeSchema(MarketTables.gold(.oneMinute)).spec)
        #expect(order.partitions.map { Array($0.rows) } == oracle(rows, dead: []), "seed \(random.seed)")
        for part in order.partitions {
            let row = rows[Int(part.rows[part.rows.startIndex])]
            #expect(part.partition == [.int(Int32(row.partition[0])), .string(row.exchange)])
        }
    }

    @Test func `no live rows, no partitions`() throws {
        var buffer = try buffer(MarketTables.silver, [Records.trade(1)])
        buffer.kill(0)
        #expect(try RowOrder(buffer, spec: try LakeSchema(buffer.definition).spec).partitions.isEmpty)
        #expect(try RowOrder(RowBuffer(MarketTables.silver), spec: try LakeSchema(MarketTables.silver).spec).partitions.isEmpty)
    }
}
