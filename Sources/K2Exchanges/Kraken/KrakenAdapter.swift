import K2Bytes
import K2JSON

/// Kraken Spot: web socket v2 and v1, and the REST `Trades` page.
///
/// v2: https://docs.kraken.com/api/docs/websocket-v2/trade (seen October 2026). v1 messages are arrays
/// and carry no trade ids; they occur in old recordings.
public struct KrakenAdapter: ExchangeAdapter {
    /// Quote assets, longest first: in plain spelling, and with the X or Z that older REST keys put before them.
    static let quotes = [
        "PYUSD", "RLUSD", "USDT", "USDC", "USDG", "USDQ", "USDR", "USDD", "EURT", "EURQ", "EURR", "EURC", "EUROP",
        "ZUSD", "ZEUR", "ZGBP", "ZCAD", "ZJPY", "ZAUD", "ZCHF", "XXBT", "XETH", "USD", "EUR", "GBP", "CAD", "JPY",
        "AUD", "CHF", "AED", "XBT", "BTC", "ETH", "DAI", "DOT", "SOL",
    ].sorted { $0.utf8.count > $1.utf8.count }

    public init() {}

    public func read(
        _ message: Int, request: ByteRange, document: borrowing JSONDocument, text: Span<UInt8>,
        into batch: inout WireBatch
    ) throws(WireError) -> WireMessage {
        switch document.kind(message) {
        case .array: return try readArray(message, document, text, into: &batch)
        case .object: break
        default: throw WireError("message", expected: "an object or an array", found: document.verbatim(message))
        }
        if let channel = document.member(message, named: "channel", in: text) {
            return try readChannel(message, channel, document, text, into: &batch)
        }
        if let method = document.member(message, named: "method", in: text) {
            if text.part(document.range(method)).equals("pong") { return .control("pong") }
            guard let success = document.member(message, named: "success", in: text) else {
                return .unknown(document.range(method))
            }
            return .control(document.kind(success) == .false ? "error" : "ack")
        }
        if let event = document.member(message, named: "event", in: text) {
            return readEvent(message, event, document, text)
        }
        if let result = document.member(message, named: "result", in: text), document.kind(result) == .object {
            return try KrakenTrades.readPage(result, document, text, into: &batch)
        }
        return document.member(message, named: "error", in: text) != nil ? .control("error") : .unknown(.empty)
    }

    private func readChannel(
        _ message: Int, _ channel: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        into batch: inout WireBatch
    ) throws(WireError) -> WireMessage {
        let name = text.part(document.range(channel))
        if name.equals("heartbeat") { return .control("heartbeat") }
        if name.equals("status") { return .control("status") }
        guard name.equals("trade") else { return .unknown(document.range(channel)) }
        guard let data = document.member(message, named: "data", in: text), document.kind(data) == .array else {
            throw WireError("data", expected: "an array of trades", found: document.verbatim(message))
        }
        var isSnapshot = false
        if let type = document.member(message, named: "type", in: text) {
            isSnapshot = text.part(document.range(type)).equals("snapshot")
        }
        KrakenTrades.readUpdate(data, isSnapshot: isSnapshot, document, text, into: &batch)
        return .trades
    }

    /// v1 events: `{"event":"heartbeat"}`, `systemStatus`, `subscriptionStatus`, `pong`, `error`.
    private func readEvent(
        _ message: Int, _ event: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) -> WireMessage {
        let name = text.part(document.range(event))
        if name.equals("heartbeat") { return .control("heartbeat") }
        if name.equals("systemStatus") { return .control("status") }
        if name.equals("pong") { return .control("pong") }
        if name.equals("error") { return .control("error") }
        guard name.equals("subscriptionStatus") else { return .unknown(document.range(event)) }
        if let status = document.member(message, named: "status", in: text),
            text.part(document.range(status)).equals("error")
        {
            return .control("error")
        }
        return .control("ack")
    }

    /// v1 data: `[channelID, [[…], …], "trade", "XBT/USD"]`. The pair is the last element, its channel
    /// name the one before.
    private func readArray(
        _ message: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, into batch: inout WireBatch
    ) throws(WireError) -> WireMessage {
        var nodes: InlineArray<4, Int> = [0, 0, 0, 0]
        var count = 0
        var node = message + 1
        while node < document.next(message) {
            if count < 4 { nodes[count] = node }
            count += 1
            node = document.next(node)
        }
        guard count == 4, document.kind(nodes[2]) == .string else { return .unknown(.empty) }
        guard text.part(document.range(nodes[2])).equals("trade") else { return .unknown(document.range(nodes[2])) }
        guard document.kind(nodes[1]) == .array else {
            throw WireError("data", expected: "an array of trades", found: document.verbatim(nodes[1]))
        }
        let pair = try WireReader.string(nodes[3], "pair", document)
        KrakenTrades.readRows(nodes[1], symbol: pair, document, text, into: &batch)
        return .trades
    }

    public func inferInstrument(_ spelling: Span<UInt8>) -> (base: String, quote: String)? {
        let name = spelling.text
        if let slash = name.firstIndex(of: "/") {
            let base = String(name[..<slash]), quote = String(name[name.index(after: slash)...])
            guard !base.isEmpty, !quote.isEmpty, !quote.contains("/") else { return nil }
            return (Self.plain(base), Self.plain(quote))
        }
        guard let split = QuoteSuffix.split(name, quotes: Self.quotes) else { return nil }
        return (Self.plain(split.base), Self.plain(split.quote))
    }

    /// K2's spelling of an asset: older REST keys put an X before coins and a Z before currencies, and
    /// v1 says XBT and XDG. https://support.kraken.com/articles/360001185506 (asset codes).
    static func plain(_ asset: String) -> String {
        let prefixed: Set<String> = [
            "XXBT", "XETH", "XXDG", "XXRP", "XLTC", "XXLM", "XXMR", "XZEC", "XREP", "XMLN", "XETC", "ZUSD", "ZEUR",
            "ZGBP", "ZCAD", "ZJPY", "ZAUD", "ZCHF",
        ]
        let name = prefixed.contains(asset) ? String(asset.dropFirst()) : asset
        return name == "XBT" ? "BTC" : name == "XDG" ? "DOGE" : name
    }
}
