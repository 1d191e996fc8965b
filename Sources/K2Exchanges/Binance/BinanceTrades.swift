import K2Bytes
import K2Domain
import K2JSON

/// Binance's trades, from the `@trade` stream and from REST pages.
enum BinanceTrades {
    /// A trade event:
    /// `{"e":"trade","E":1789295137364,"s":"BTCUSDT","t":388511,"p":"76745.18000000","q":"0.00065000","T":1789295137364,"m":true,"M":true}`.
    ///
    /// `m` says that the buyer was the maker: then the taker sold.
    private static let event = TradeObject(
        symbol: "s", id: "t", price: "p", quantity: "q", side: "m", sideMeaning: .buyerIsMaker, time: "T",
        timeForm: .epoch, eventTime: "E", ignored: "e")

    /// A row of a REST page:
    /// `{"id":1111471896,"price":"60814.78000000","qty":"0.00034000","quoteQty":"20.67702520","time":1634943219887,"isBuyerMaker":true,"isBestMatch":true}`.
    private static let row = TradeObject(
        symbol: "symbol", id: "id", price: "price", quantity: "qty", side: "isBuyerMaker", sideMeaning: .buyerIsMaker,
        time: "time", timeForm: .epoch)

    static func readEvent(
        _ node: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, into batch: inout WireBatch
    ) {
        do throws(WireError) {
            batch.trades.append(
                try event.read(node, symbol: .empty, document, text, vendor: &batch.vendorFields))
        } catch {
            batch.refused.append(error)
        }
    }

    /// A page of `/api/v3/trades` or `/api/v3/historicalTrades`.
    ///
    /// The rows do not name the symbol: it is taken from the request's query.
    static func readPage(
        _ page: Int, request: ByteRange, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        into batch: inout WireBatch
    ) throws(WireError) {
        guard let symbol = RequestText.parameter("symbol", in: request, text) else {
            throw WireError("request", expected: "a query that names the symbol", found: request)
        }
        let end = document.next(page)
        var node = page + 1
        while node < end {
            do throws(WireError) {
                batch.trades.append(try row.read(node, symbol: symbol, document, text, vendor: &batch.vendorFields))
            } catch {
                batch.refused.append(error)
            }
            node = document.next(node)
        }
    }
}
