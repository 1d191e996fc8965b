import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

/// What the fold needs of a `trade` record; texts are ranges of the line.
struct TradeFields {
    var exchange: Exchange
    var symbol: ByteRange
    var canonicalSymbol: ByteRange
    var tradeID: ByteRange
    var isValid: Bool
    var trade: CandleTrade
}

/// Reads `trade` records.
struct TradeReader {
    private static let layout = RecordLayout([
        "kind", "message_id", "trade_id", "exchange", "symbol", "canonical_symbol", "asset_class", "currency",
        "price", "quantity", "quote_volume", "side", "trade_conditions", "timestamp", "ingestion_timestamp",
        "source_sequence", "origin", "vendor_data", "is_valid",
    ])
    private var nodes: [Int32] = []

    mutating func read(_ document: borrowing JSONDocument, _ text: Span<UInt8>) throws(RecordError) -> TradeFields {
        Self.layout.locate(in: 0, of: document, text: text, nodes: &nodes)
        guard let exchange = Exchange(text.part(try RecordReader.string(nodes[3], "exchange", document, text))) else {
            throw RecordReader.refused(Int(nodes[3]), "exchange", "binance, kraken or coinbase", document, text)
        }
        let tradeID = try RecordReader.string(nodes[2], "trade_id", document, text)
        let price = try RecordReader.decimal(nodes[8], "price", document, text)
        let quantity = try RecordReader.decimal(nodes[9], "quantity", document, text)
        let side = try RecordReader.string(nodes[11], "side", document, text)
        var sequence: UInt64?
        if nodes[15] >= 0 {
            let value = try RecordReader.integer(nodes[15], "source_sequence", document, text)
            guard value >= 0 else {
                throw RecordReader.refused(Int(nodes[15]), "source_sequence", "an id", document, text)
            }
            sequence = UInt64(value)
        }
        let trade = CandleTrade(
            time: try RecordReader.time(nodes[13], "timestamp", document, text), sequence: sequence,
            tieBreak: sequence == nil ? UInt64(truncatingIfNeeded: Digest.hash128(text.part(tradeID))) : 0,
            price: price, quantity: quantity,
            quoteVolume: try RecordReader.decimal(nodes[10], "quote_volume", document, text),
            isBuy: text.part(side).equals("BUY"))
        return TradeFields(
            exchange: exchange,
            symbol: try RecordReader.string(nodes[4], "symbol", document, text),
            canonicalSymbol: try RecordReader.string(nodes[5], "canonical_symbol", document, text),
            tradeID: tradeID,
            isValid: nodes[18] < 0 ? true : try RecordReader.boolean(nodes[18], "is_valid", document, text),
            trade: trade)
    }

    /// As `read(_:_:)`, for a line that `scan` found in canonical form; nil when a value is not what it
    /// should be, so that the general way says what is wrong.
    func read(_ scan: TradeScan, _ text: Span<UInt8>) -> TradeFields? {
        do {
            guard let exchange = Exchange(text.part(scan[.exchange])) else { return nil }
            let tradeID = scan[.tradeID]
            var sequence: UInt64?
            if scan.has(.sourceSequence) {
                guard let value = RecordReader.integer(text.part(scan[.sourceSequence])), value >= 0 else { return nil }
                sequence = UInt64(value)
            }
            let trade = CandleTrade(
                time: try Timestamp(rfc3339: text.part(scan[.timestamp])), sequence: sequence,
                tieBreak: sequence == nil ? UInt64(truncatingIfNeeded: Digest.hash128(text.part(tradeID))) : 0,
                price: try FixedDecimal(text.part(scan[.price])), quantity: try FixedDecimal(text.part(scan[.quantity])),
                quoteVolume: try FixedDecimal(text.part(scan[.quoteVolume])), isBuy: text.part(scan[.side]).equals("BUY"))
            return TradeFields(
                exchange: exchange, symbol: scan[.symbol], canonicalSymbol: scan[.canonicalSymbol], tradeID: tradeID,
                isValid: text.part(scan[.isValid]).equals("true"), trade: trade)
        } catch {
            return nil
        }
    }
}
