import K2Bytes
import K2Domain
import K2JSON

/// Binance's trades, from the `@trade` stream and from REST pages.
enum BinanceTrades {
    /// A trade event:
    /// `{"e":"trade","E":1789295137364,"s":"BTCUSDT","t":388511,"p":"76745.18000000","q":"0.00065000","T":1789295137364,"m":true,"M":true}`.
    ///
    /// `m` says that the buyer was the maker: then the taker sold. `E` and what else has no column goes
    /// to the vendor fields.
    static func readEvent(
        _ event: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, into batch: inout WireBatch
    ) {
        let mark = batch.vendorFields.count
        do throws(WireError) {
            batch.trades.append(try parseEvent(event, document, text, vendor: &batch.vendorFields))
        } catch {
            batch.vendorFields.removeSubrange(mark...)
            batch.refused.append(error)
        }
    }

    private static func parseEvent(
        _ event: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, vendor: inout [NamedText]
    ) throws(WireError) -> WireTrade {
        var trade = WireTrade(symbol: .empty, payload: document.range(event))
        var seen: RequiredFields = []
        let firstVendor = vendor.count
        let end = document.next(event)
        var key = event + 1
        while key < end {
            let value = key + 1
            let name = document.range(key)
            switch name.count == 1 ? text[Int(name.lower)] : 0 {
            case UInt8(ascii: "e"): break
            case UInt8(ascii: "s"):
                trade.symbol = try WireReader.string(value, "s", document)
                seen.insert(.symbol)
            case UInt8(ascii: "t"):
                trade.id = try WireReader.id(value, "t", document, text)
                seen.insert(.id)
            case UInt8(ascii: "p"):
                trade.price = try WireReader.decimal(value, "p", document, text, copy: &trade.priceText)
                seen.insert(.price)
            case UInt8(ascii: "q"):
                trade.quantity = try WireReader.decimal(value, "q", document, text, copy: &trade.quantityText)
                seen.insert(.quantity)
            case UInt8(ascii: "T"):
                trade.timestamp = try WireReader.epoch(value, "T", document, text)
                seen.insert(.time)
            case UInt8(ascii: "m"):
                trade.side = try WireReader.boolean(value, "m", document) ? .sell : .buy
                seen.insert(.side)
            case UInt8(ascii: "E"):
                trade.eventTime = try WireReader.epoch(value, "E", document, text)
                WireReader.keep(key, document, in: &vendor)
            default: WireReader.keep(key, document, in: &vendor)
            }
            key = document.next(value)
        }
        try seen.check("s", "t", "p", "q", "m", "T", in: trade.payload)
        trade.vendorFields = firstVendor..<vendor.count
        return trade
    }

    /// A page of `/api/v3/trades` or `/api/v3/historicalTrades`; rows such as
    /// `{"id":1111471896,"price":"60814.78000000","qty":"0.00034000","quoteQty":"20.67702520","time":1634943219887,"isBuyerMaker":true,"isBestMatch":true}`.
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
        var row = page + 1
        while row < end {
            let mark = batch.vendorFields.count
            do throws(WireError) {
                batch.trades.append(try parseRow(row, symbol: symbol, document, text, vendor: &batch.vendorFields))
            } catch {
                batch.vendorFields.removeSubrange(mark...)
                batch.refused.append(error)
            }
            row = document.next(row)
        }
    }

    private static func parseRow(
        _ row: Int, symbol: ByteRange, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        vendor: inout [NamedText]
    ) throws(WireError) -> WireTrade {
        guard document.kind(row) == .object else {
            throw WireError("row", expected: "an object", found: document.verbatim(row))
        }
        var trade = WireTrade(symbol: symbol, payload: document.range(row))
        var seen: RequiredFields = .symbol
        let firstVendor = vendor.count
        let end = document.next(row)
        var key = row + 1
        while key < end {
            let value = key + 1
            let name = text.part(document.range(key))
            if name.equals("id") {
                trade.id = try WireReader.id(value, "id", document, text)
                seen.insert(.id)
            } else if name.equals("price") {
                trade.price = try WireReader.decimal(value, "price", document, text, copy: &trade.priceText)
                seen.insert(.price)
            } else if name.equals("qty") {
                trade.quantity = try WireReader.decimal(value, "qty", document, text, copy: &trade.quantityText)
                seen.insert(.quantity)
            } else if name.equals("time") {
                trade.timestamp = try WireReader.epoch(value, "time", document, text)
                seen.insert(.time)
            } else if name.equals("isBuyerMaker") {
                trade.side = try WireReader.boolean(value, "isBuyerMaker", document) ? .sell : .buy
                seen.insert(.side)
            } else {
                WireReader.keep(key, document, in: &vendor)
            }
            key = document.next(value)
        }
        try seen.check("symbol", "id", "price", "qty", "isBuyerMaker", "time", in: trade.payload)
        trade.vendorFields = firstVendor..<vendor.count
        return trade
    }
}

/// Reads the path and query of a REST request.
enum RequestText {
    /// The value of a query parameter, or nil when the request has none of that name.
    static func parameter(_ name: StaticString, in request: ByteRange, _ text: Span<UInt8>) -> ByteRange? {
        var start = Int(request.lower)
        let end = Int(request.upper)
        while start < end, text[start] != UInt8(ascii: "?") { start += 1 }
        while start < end {
            start += 1
            var stop = start
            while stop < end, text[stop] != UInt8(ascii: "&") { stop += 1 }
            var equals = start
            while equals < stop, text[equals] != UInt8(ascii: "=") { equals += 1 }
            if equals < stop - 1, text.extracting(start..<equals).equals(name) { return ByteRange(equals + 1, stop) }
            start = stop
        }
        return nil
    }

    /// The path segment that follows `name`, or nil.
    static func segment(after name: StaticString, in request: ByteRange, _ text: Span<UInt8>) -> ByteRange? {
        var previous = ByteRange.empty
        var start = Int(request.lower)
        let end = Int(request.upper)
        while start < end {
            var stop = start
            while stop < end, text[stop] != UInt8(ascii: "/"), text[stop] != UInt8(ascii: "?") { stop += 1 }
            if stop > start, text.part(previous).equals(name) { return ByteRange(start, stop) }
            previous = ByteRange(start, stop)
            if stop < end, text[stop] == UInt8(ascii: "?") { return nil }
            start = stop + 1
        }
        return nil
    }
}
