import K2Bytes
import K2JSON

/// Coinbase: Advanced Trade `market_trades`, Exchange `match` and `last_match`, and the REST pages of both.
///
/// Advanced: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels,
/// Exchange: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels (both seen June 2026).
public struct CoinbaseAdapter: ExchangeAdapter {
    public init() {}

    public func read(
        _ message: Int, request: ByteRange, document: borrowing JSONDocument, text: Span<UInt8>,
        into batch: inout WireBatch
    ) throws(WireError) -> WireMessage {
        switch document.kind(message) {
        case .array:
            try CoinbaseTrades.readPage(message, request: request, document, text, into: &batch)
            return .trades
        case .object: break
        default: throw WireError("message", expected: "an object or a page", found: document.verbatim(message))
        }
        if let channel = document.member(message, named: "channel", in: text) {
            return try readChannel(message, channel, document, text, into: &batch)
        }
        if let type = document.member(message, named: "type", in: text) {
            return readType(message, type, document, text, into: &batch)
        }
        if let trades = document.member(message, named: "trades", in: text), document.kind(trades) == .array {
            CoinbaseTrades.readTrades(trades, symbol: .empty, isSnapshot: false, eventTime: nil, document, text, into: &batch)
            return .trades
        }
        return document.member(message, named: "errors", in: text) != nil ? .control("error") : .unknown(.empty)
    }

    private func readChannel(
        _ message: Int, _ channel: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        into batch: inout WireBatch
    ) throws(WireError) -> WireMessage {
        let name = text.part(document.range(channel))
        if name.equals("heartbeats") { return .control("heartbeat") }
        if name.equals("subscriptions") { return .control("ack") }
        guard name.equals("market_trades") else { return .unknown(document.range(channel)) }
        try CoinbaseTrades.readEvents(message, document, text, into: &batch)
        return .trades
    }

    private func readType(
        _ message: Int, _ type: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        into batch: inout WireBatch
    ) -> WireMessage {
        let name = text.part(document.range(type))
        let isLast = name.equals("last_match")
        if isLast || name.equals("match") {
            CoinbaseTrades.readTrade(
                message, symbol: .empty, isSnapshot: isLast, eventTime: nil, document, text, into: &batch)
            return .trades
        }
        if name.equals("heartbeat") { return .control("heartbeat") }
        if name.equals("subscriptions") { return .control("ack") }
        return name.equals("error") ? .control("error") : .unknown(document.range(type))
    }

    /// Products are `BASE-QUOTE`.
    public func inferInstrument(_ spelling: Span<UInt8>) -> (base: String, quote: String)? {
        let parts = spelling.text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return (String(parts[0]), String(parts[1]))
    }
}
