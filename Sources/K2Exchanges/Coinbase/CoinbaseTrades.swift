import K2Bytes
import K2Domain
import K2JSON

/// Coinbase's trades. Both APIs send the **maker's** side: it is inverted here, and the text that was
/// sent stays among the vendor fields.
///
/// Evidence: the channel documentation says so, and in recorded sessions every `match.side` is the
/// opposite of the `ticker.side` of the same trade.
enum CoinbaseTrades {
    private static let trade = TradeObject(
        symbol: "product_id", id: "trade_id", price: "price", quantity: "size", side: "side", sideMeaning: .maker,
        time: "time", timeForm: .rfc3339)

    /// A `market_trades` message: every trade of every event, newest first inside an event.
    /// `{"channel":"market_trades","timestamp":"…","sequence_num":247,"events":[{"type":"update","trades":[{"product_id":"ETH-USD","trade_id":"846155167","price":"2667.2","size":"0.84275842","time":"2026-09-30T02:39:59.4104Z","side":"SELL"}]}]}`
    static func readEvents(
        _ message: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, into batch: inout WireBatch
    ) throws(WireError) {
        guard let events = document.member(message, named: "events", in: text), document.kind(events) == .array else {
            throw WireError("events", expected: "an array", found: document.verbatim(message))
        }
        var sent: Timestamp?
        if let time = document.member(message, named: "timestamp", in: text) {
            sent = try WireReader.rfc3339(time, "timestamp", document, text)
        }
        let end = document.next(events)
        var event = events + 1
        while event < end {
            guard document.kind(event) == .object,
                let trades = document.member(event, named: "trades", in: text), document.kind(trades) == .array
            else {
                batch.refused.append(WireError("trades", expected: "an array", found: document.verbatim(event)))
                event = document.next(event)
                continue
            }
            var isSnapshot = false
            if let type = document.member(event, named: "type", in: text) {
                isSnapshot = text.part(document.range(type)).equals("snapshot")
            }
            readTrades(trades, symbol: .empty, isSnapshot: isSnapshot, eventTime: sent, document, text, into: &batch)
            event = document.next(event)
        }
    }

    /// A page of the Exchange's `GET /products/{id}/trades`; the rows do not name the product.
    static func readPage(
        _ page: Int, request: ByteRange, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        into batch: inout WireBatch
    ) throws(WireError) {
        guard let symbol = RequestText.segment(after: "products", in: request, text) else {
            throw WireError("request", expected: "a path that names the product", found: request)
        }
        readTrades(page, symbol: symbol, isSnapshot: false, eventTime: nil, document, text, into: &batch)
    }

    static func readTrades(
        _ trades: Int, symbol: ByteRange, isSnapshot: Bool, eventTime: Timestamp?,
        _ document: borrowing JSONDocument, _ text: Span<UInt8>, into batch: inout WireBatch
    ) {
        let end = document.next(trades)
        var node = trades + 1
        while node < end {
            readTrade(
                node, symbol: symbol, isSnapshot: isSnapshot, eventTime: eventTime, document, text, into: &batch)
            node = document.next(node)
        }
    }

    /// One trade object, of either API. `symbol` is used where the object names no product.
    static func readTrade(
        _ node: Int, symbol: ByteRange, isSnapshot: Bool, eventTime: Timestamp?,
        _ document: borrowing JSONDocument, _ text: Span<UInt8>, into batch: inout WireBatch
    ) {
        do throws(WireError) {
            var read = try trade.read(node, symbol: symbol, document, text, vendor: &batch.vendorFields)
            read.isSnapshot = isSnapshot
            read.eventTime = eventTime
            batch.trades.append(read)
        } catch {
            batch.refused.append(error)
        }
    }
}
