import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

/// Which table a record belongs to.
public enum RecordRoute: Equatable, Sendable {
    /// Position in `MarketTables.all`.
    case table(Int)
    /// A running candle, and the position of its table.
    case running(Int)
    /// A kind that is not stored.
    case skipped
}

/// Routes records by kind; for bronze and candles also by exchange and interval.
public struct RecordRouter: Sendable {
    private let bronze: [Int]
    /// Position of the silver table.
    public let silver: Int
    private let gold: [Int]
    private let gaps: Int

    public init() {
        let names = MarketTables.all.map(\.coldName)
        func position(_ table: TableDefinition) -> Int { names.firstIndex(of: table.coldName)! }
        bronze = Exchange.allCases.map { position(MarketTables.bronze($0)) }
        silver = position(MarketTables.silver)
        gold = CandleInterval.allCases.map { position(MarketTables.gold($0)) }
        gaps = position(MarketTables.gaps)
    }

    /// The route of the record in `document`, and the bytes of its exchange.
    public func route(
        _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(RecordError) -> (route: RecordRoute, exchange: ByteRange) {
        guard let kind = RecordKind(of: document, in: text) else {
            throw RecordError("kind", expected: "a record with a kind", found: nil)
        }
        if kind == .other || kind == .raw { return (.skipped, .empty) }
        let node = document.member(0, named: "exchange", in: text).map { Int32($0) } ?? -1
        let name = try RecordReader.string(node, "exchange", document, text)
        guard let exchange = Exchange(text.part(name)) else {
            throw RecordReader.refused(Int(node), "exchange", "binance, kraken or coinbase", document, text)
        }
        switch kind {
        case .trade: return (.table(silver), name)
        case .bronze: return (.table(bronze[exchange.index]), name)
        case .gap: return (.table(gaps), name)
        default: return (try candle(document, text), name)
        }
    }

    private func candle(_ document: borrowing JSONDocument, _ text: Span<UInt8>) throws(RecordError) -> RecordRoute {
        func node(_ name: StaticString) -> Int32 { document.member(0, named: name, in: text).map { Int32($0) } ?? -1 }
        let interval = node("interval")
        let name = try RecordReader.string(interval, "interval", document, text)
        guard let known = CandleInterval(text.part(name)) else {
            throw RecordReader.refused(Int(interval), "interval", "1m, 5m, 15m, 30m, 1h or 1d", document, text)
        }
        let table = gold[CandleInterval.allCases.firstIndex(of: known)!]
        return try RecordReader.boolean(node("is_final"), "is_final", document, text) ? .table(table) : .running(table)
    }
}
