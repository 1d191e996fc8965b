import K2Bytes
import K2Domain
import K2JSON

/// Kraken's trades, from both web socket versions and from REST pages. Side is the taker's in all.
enum KrakenTrades {
    /// A trade of a v2 message:
    /// `{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.00044780,"ord_type":"limit","trade_id":109116693,"timestamp":"2026-09-25T17:48:26.844359Z"}`.
    ///
    /// Price and quantity are bare numbers: their digits are cut from the text.
    private static let trade = TradeObject(
        symbol: "symbol", id: "trade_id", price: "price", quantity: "qty", side: "side", sideMeaning: .taker,
        time: "timestamp", timeForm: .rfc3339, condition: "ord_type")

    /// The `data` of a v2 message.
    static func readUpdate(
        _ data: Int, isSnapshot: Bool, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        into batch: inout WireBatch
    ) {
        let end = document.next(data)
        var node = data + 1
        while node < end {
            do throws(WireError) {
                var read = try trade.read(node, symbol: .empty, document, text, vendor: &batch.vendorFields)
                read.isSnapshot = isSnapshot
                batch.trades.append(read)
            } catch {
                batch.refused.append(error)
            }
            node = document.next(node)
        }
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
