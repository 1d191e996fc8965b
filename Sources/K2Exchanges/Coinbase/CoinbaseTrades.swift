import K2Bytes
import K2Domain
import K2JSON

/// Coinbase's trades. Both APIs send the **maker's** side: it is inverted here, and the text that was
/// sent stays among the vendor fields.
///
/// Evidence: the channel documentation says so, and in recorded sessions every `match.side` is the
/// opposite of the `ticker.side` of the same trade.
enum CoinbaseTrades {
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
        let mark = batch.vendorFields.count
        do throws(WireError) {
            var trade = try parseTrade(node, symbol: symbol, document, text, vendor: &batch.vendorFields)
            trade.isSnapshot = isSnapshot
            trade.eventTime = eventTime
            batch.trades.append(trade)
        } catch {
            batch.vendorFields.removeSubrange(mark...)
            batch.refused.append(error)
        }
    }

    private static func parseTrade(
        _ node: Int, symbol: ByteRange, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        vendor: inout [NamedText]
    ) throws(WireError) -> WireTrade {
        guard document.kind(node) == .object else {
            throw WireError("trades", expected: "a trade object", found: document.verbatim(node))
        }
        var trade = WireTrade(symbol: symbol, payload: document.range(node))
        var seen: RequiredFields = symbol.isEmpty ? [] : .symbol
        let firstVendor = vendor.count
        let end = document.next(node)
        var key = node + 1
        while key < end {
            let value = key + 1
            let name = text.part(document.range(key))
            if name.equals("product_id") {
                trade.symbol = try WireReader.string(value, "product_id", document)
                seen.insert(.symbol)
            } else if name.equals("trade_id") {
                trade.id = try WireReader.id(value, "trade_id", document, text)
                seen.insert(.id)
            } else if name.equals("price") {
                trade.price = try WireReader.decimal(value, "price", document, text, copy: &trade.priceText)
                seen.insert(.price)
            } else if name.equals("size") {
                trade.quantity = try WireReader.decimal(value, "size", document, text, copy: &trade.quantityText)
                seen.insert(.quantity)
            } else if name.equals("time") {
                trade.timestamp = try WireReader.rfc3339(value, "time", document, text)
                seen.insert(.time)
            } else if name.equals("side") {
                trade.side = try WireReader.side(value, "side", document, text).opposite
                seen.insert(.side)
                WireReader.keep(key, document, in: &vendor)
            } else {
                WireReader.keep(key, document, in: &vendor)
            }
            key = document.next(value)
        }
        try seen.check("product_id", "trade_id", "price", "size", "side", "time", in: trade.payload)
        trade.vendorFields = firstVendor..<vendor.count
        return trade
    }
}
