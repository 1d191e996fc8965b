import K2Bytes
import K2Domain

/// One trade as its exchange sent it: numbers and times decoded, texts as ranges of the line.
public struct WireTrade: Sendable {
    /// The instrument in the exchange's spelling (`BTCUSDT`, `XBT/USD`, `BTC-USD`, `XXBTZUSD`).
    public var symbol: ByteRange
    /// The exchange's trade id, at most `Int64.max`; nil where the exchange gives none (Kraken v1).
    public var id: UInt64?
    public var price: FixedDecimal
    public var quantity: FixedDecimal
    /// The texts of price and quantity where they can be copied as they are, else empty.
    public var priceText: ByteRange
    public var quantityText: ByteRange
    /// The taker's side.
    public var side: Side
    /// When the exchange matched the trade.
    public var timestamp: Timestamp
    /// When the exchange sent the message, where it says so.
    public var eventTime: Timestamp?
    /// The taker's order type, where the exchange names it.
    public var condition: Condition
    /// History sent on subscribing, whatever the envelope says.
    public var isSnapshot: Bool
    /// The trade's part of the message, verbatim JSON.
    public var payload: ByteRange
    /// Its fields in `WireBatch.vendorFields`.
    public var vendorFields: Range<Int>
    /// For trades without an id: the time as it was sent, a part of the identity.
    public var timeText: ByteRange

    public enum Condition: UInt8, Sendable {
        case none, limit, market

        public var name: StaticString {
            switch self {
            case .none: ""
            case .limit: "limit"
            case .market: "market"
            }
        }
    }

    init(symbol: ByteRange, payload: ByteRange) {
        self.symbol = symbol
        self.payload = payload
        id = nil
        price = .zero
        quantity = .zero
        priceText = .empty
        quantityText = .empty
        side = .unknown
        timestamp = Timestamp(microseconds: 0)
        eventTime = nil
        condition = .none
        isSnapshot = false
        vendorFields = 0..<0
        timeText = .empty
    }
}

/// Why a trade or message was refused: the field, what was expected, and where the found text stands.
public struct WireError: Error, Sendable {
    public var field: StaticString
    public var expected: StaticString
    /// The offending text, empty when the field is missing.
    public var found: ByteRange

    public init(_ field: StaticString, expected: StaticString, found: ByteRange = .empty) {
        self.field = field
        self.expected = expected
        self.found = found
    }

    /// `price: expected a decimal, found "1e5x" (byte 117)`, at most 40 bytes of it quoted.
    public func message(in text: Span<UInt8>) -> String {
        if found.isEmpty { return "\(field): expected \(expected), found nothing" }
        let shown = text.extracting(Int(found.lower)..<min(Int(found.upper), Int(found.lower) + 40)).text
        let cut = found.count > 40 ? "…" : ""
        return "\(field): expected \(expected), found \"\(shown)\(cut)\" (byte \(found.lower))"
    }
}

/// What one message held, reused from message to message.
public struct WireBatch: Sendable {
    public var trades: [WireTrade] = []
    /// Values of the exchange that have no column of their own.
    public var vendorFields: [NamedText] = []
    /// Trades of the message that could not be read; the others count all the same.
    public var refused: [WireError] = []

    public init() {}

    public mutating func removeAll() {
        trades.removeAll(keepingCapacity: true)
        vendorFields.removeAll(keepingCapacity: true)
        refused.removeAll(keepingCapacity: true)
    }
}

/// What a message is.
public enum WireMessage: Sendable {
    /// Its trades are in the batch.
    case trades
    /// No trade by its nature: an ack, heartbeat, status, error, or shutdown notice.
    case control(StaticString)
    /// A type this adapter does not know. The range is the name it gives itself, empty if it has none.
    case unknown(ByteRange)
}
