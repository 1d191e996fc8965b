import K2Bytes
import K2JSON

/// Binance Spot: which messages are trades, and which are not.
///
/// Web socket streams: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
/// (seen July 2026). Raw streams send the event alone, combined streams wrap it:
/// `{"stream":"btcusdt@trade","data":{"e":"trade",…}}`.
public struct BinanceAdapter: ExchangeAdapter {
    /// Quote assets, longest first, then by use.
    static let quotes = [
        "FDUSD", "TUSD", "USDT", "USDC", "BUSD", "USDP", "BIDR", "IDRT", "USDS", "AEUR", "EURI", "DOGE", "USD1",
        "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "GBP", "AUD", "RUB", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS",
        "JPY", "MXN", "COP", "CZK", "DAI", "PAX", "VAI", "XRP", "TRX", "DOT", "SOL", "IDR", "BKRW", "USD",
    ].sorted { $0.utf8.count > $1.utf8.count }

    public init() {}

    public func read(
        _ message: Int, request: ByteRange, document: borrowing JSONDocument, text: Span<UInt8>,
        into batch: inout WireBatch
    ) throws(WireError) -> WireMessage {
        switch document.kind(message) {
        case .object: return try readObject(message, document, text, into: &batch)
        case .array:
            try BinanceTrades.readPage(message, request: request, document, text, into: &batch)
            return .trades
        default: throw WireError("message", expected: "an object or a page", found: document.verbatim(message))
        }
    }

    private func readObject(
        _ message: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, into batch: inout WireBatch
    ) throws(WireError) -> WireMessage {
        var event = message
        if document.next(message) == message + 1 { return .unknown(.empty) }
        let first = text.part(document.range(message + 1))
        if first.equals("stream") || first.equals("data") {
            guard let data = document.member(message, named: "data", in: text), document.kind(data) == .object else {
                throw WireError("data", expected: "an object", found: document.verbatim(message))
            }
            if let stream = document.member(message, named: "stream", in: text),
                text.part(document.range(stream)).equals("!serverShutdown")
            {
                return .control("serverShutdown")
            }
            event = data
        }
        guard let type = document.member(event, named: "e", in: text) else { return reply(event, document, text) }
        let name = text.part(document.range(type))
        if name.equals("trade") {
            BinanceTrades.readEvent(event, document, text, into: &batch)
            return .trades
        }
        return name.equals("serverShutdown") ? .control("serverShutdown") : .unknown(document.range(type))
    }

    /// Answers to requests: `{"result":null,"id":1}`, `{"code":2,"msg":"…"}` or `{"error":{…},"id":2}`.
    private func reply(_ message: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>) -> WireMessage {
        if document.member(message, named: "result", in: text) != nil { return .control("ack") }
        if document.member(message, named: "error", in: text) != nil { return .control("error") }
        if document.member(message, named: "code", in: text) != nil { return .control("error") }
        return .unknown(.empty)
    }

    public func inferInstrument(_ spelling: Span<UInt8>) -> (base: String, quote: String)? {
        QuoteSuffix.split(spelling.text, quotes: Self.quotes)
    }
}

/// Splits a symbol without separator at the longest known quote asset that ends it.
enum QuoteSuffix {
    static func split(_ symbol: String, quotes: [String]) -> (base: String, quote: String)? {
        for quote in quotes where symbol.utf8.count > quote.utf8.count && symbol.hasSuffix(quote) {
            return (String(symbol.dropLast(quote.count)), quote)
        }
        return nil
    }
}
