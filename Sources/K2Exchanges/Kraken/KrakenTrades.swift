import K2Bytes
import K2Domain
import K2JSON

/// Kraken's trades, from both web socket versions and from REST pages. Side is the taker's in all.
enum KrakenTrades {
    /// The `data` of a v2 message; a trade is
    /// `{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.00044780,"ord_type":"limit","trade_id":109116693,"timestamp":"2026-09-25T17:48:26.844359Z"}`.
    ///
    /// Price and quantity are bare numbers: their digits are cut from the text.
    static func readUpdate(
        _ data: Int, isSnapshot: Bool, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        into batch: inout WireBatch
    ) {
        let end = document.next(data)
        var node = data + 1
        while node < end {
            let mark = batch.vendorFields.count
            do throws(WireError) {
                var trade = try parseTrade(node, document, text, vendor: &batch.vendorFields)
                trade.isSnapshot = isSnapshot
                batch.trades.append(trade)
            } catch {
                batch.vendorFields.removeSubrange(mark...)
                batch.refused.append(error)
            }
            node = document.next(node)
        }
    }

    private static func parseTrade(
        _ node: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, vendor: inout [NamedText]
    ) throws(WireError) -> WireTrade {
        guard document.kind(node) == .object else {
            throw WireError("data", expected: "a trade object", found: document.verbatim(node))
        }
        var trade = WireTrade(symbol: .empty, payload: document.range(node))
        var seen: RequiredFields = []
        let firstVendor = vendor.count
        let end = document.next(node)
        var key = node + 1
        while key < end {
            let value = key + 1
            let name = text.part(document.range(key))
            if name.equals("symbol") {
                trade.symbol = try WireReader.string(value, "symbol", document)
                seen.insert(.symbol)
            } else if name.equals("side") {
                trade.side = try WireReader.side(value, "side", document, text)
                seen.insert(.side)
            } else if name.equals("price") {
                trade.price = try WireReader.decimal(value, "price", document, text, copy: &trade.priceText)
                seen.insert(.price)
            } else if name.equals("qty") {
                trade.quantity = try WireReader.decimal(value, "qty", document, text, copy: &trade.quantityText)
                seen.insert(.quantity)
            } else if name.equals("trade_id") {
                trade.id = try WireReader.id(value, "trade_id", document, text)
                seen.insert(.id)
            } else if name.equals("timestamp") {
                trade.timestamp = try WireReader.rfc3339(value, "timestamp", document, text)
                seen.insert(.time)
            } else if name.equals("ord_type"), case let type = WireReader.condition(value, document, text), type != .none {
                trade.condition = type
            } else {
                WireReader.keep(key, document, in: &vendor)
            }
            key = document.next(value)
        }
        try seen.check("symbol", "trade_id", "price", "qty", "side", "timestamp", in: trade.payload)
        trade.vendorFields = firstVendor..<vendor.count
        return trade
    }

    /// The `result` of `GET /0/public/Trades`: `{"XXBTZUSD":[row, …],"last":"1688671969993150842"}`.
    static func readPage(
        _ result: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, into batch: inout WireBatch
    ) throws(WireError) -> WireMessage {
        var found = false
        let end = document.next(result)
        var key = result + 1
        while key < end {
            if document.kind(key + 1) == .array {
                readRows(key + 1, symbol: document.range(key), document, text, into: &batch)
                found = true
            }
            key = document.next(key + 1)
        }
        return found ? .trades : .unknown(.empty)
    }

    /// Rows of v1 and of REST pages:
    /// `["354.04000000","0.28245396","1618678150.826417","s","m",""]` and, from REST since 2023, the id as a
    /// seventh element: `["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952]`.
    static func readRows(
        _ rows: Int, symbol: ByteRange, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        into batch: inout WireBatch
    ) {
        let end = document.next(rows)
        var row = rows + 1
        while row < end {
            do throws(WireError) {
                batch.trades.append(try parseRow(row, symbol: symbol, document, text))
            } catch {
                batch.refused.append(error)
            }
            row = document.next(row)
        }
    }

    private static func parseRow(
        _ row: Int, symbol: ByteRange, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(WireError) -> WireTrade {
        guard document.kind(row) == .array else {
            throw WireError("row", expected: "an array", found: document.verbatim(row))
        }
        var trade = WireTrade(symbol: symbol, payload: document.range(row))
        let end = document.next(row)
        var node = row + 1
        var column = 0
        while node < end {
            switch column {
            case 0: trade.price = try WireReader.decimal(node, "price", document, text, copy: &trade.priceText)
            case 1: trade.quantity = try WireReader.decimal(node, "volume", document, text, copy: &trade.quantityText)
            case 2:
                trade.timestamp = try WireReader.seconds(node, "time", document, text)
                trade.timeText = document.range(node)
            case 3: trade.side = try WireReader.side(node, "side", document, text)
            case 4: trade.condition = WireReader.condition(node, document, text)
            case 6: trade.id = try WireReader.id(node, "trade_id", document, text)
            default: break
            }
            column += 1
            node = document.next(node)
        }
        guard column >= 5 else { throw WireError("row", expected: "5 or more elements", found: trade.payload) }
        return trade
    }
}
