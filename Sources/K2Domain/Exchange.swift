import K2Bytes

/// The exchanges that K2 knows. The raw value is the stable lower-case name used in records.
public enum Exchange: String, CaseIterable, Sendable {
    case binance, kraken, coinbase

    /// Upper-case name, the prefix of trade ids.
    public var prefix: StaticString {
        switch self {
        case .binance: "BINANCE"
        case .kraken: "KRAKEN"
        case .coinbase: "COINBASE"
        }
    }

    public var name: StaticString {
        switch self {
        case .binance: "binance"
        case .kraken: "kraken"
        case .coinbase: "coinbase"
        }
    }

    public init?(_ name: Span<UInt8>) {
        for exchange in Exchange.allCases where name.equals(exchange.name) {
            self = exchange
            return
        }
        return nil
    }

    /// Position in `allCases`, for tables indexed by exchange.
    public var index: Int {
        switch self {
        case .binance: 0
        case .kraken: 1
        case .coinbase: 2
        }
    }
}

/// The side of the taker: who crossed the spread.
public enum Side: UInt8, CaseIterable, Sendable {
    case buy, sell, unknown

    public var name: StaticString {
        switch self {
        case .buy: "BUY"
        case .sell: "SELL"
        case .unknown: "UNKNOWN"
        }
    }

    public var opposite: Side {
        switch self {
        case .buy: .sell
        case .sell: .buy
        case .unknown: .unknown
        }
    }

    public init?(_ name: Span<UInt8>) {
        for side in Side.allCases where name.equals(side.name) {
            self = side
            return
        }
        return nil
    }
}

/// How a message reached us.
public enum Origin: UInt8, CaseIterable, Sendable {
    /// Live, over the WebSocket.
    case stream
    /// History that the exchange sends on subscribing.
    case snapshot
    /// A page of the exchange's REST interface, fetched to fill a gap.
    case rest

    public var name: StaticString {
        switch self {
        case .stream: "stream"
        case .snapshot: "snapshot"
        case .rest: "rest"
        }
    }

    public init?(_ name: Span<UInt8>) {
        for origin in Origin.allCases where name.equals(origin.name) {
            self = origin
            return
        }
        return nil
    }
}
