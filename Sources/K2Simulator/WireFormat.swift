import K2Domain

/// A message format of an exchange: which of its interfaces the recording pretends to come from.
public enum WireFormat: CaseIterable, Sendable {
    /// Combined stream, `{"stream":…,"data":{…}}`, times in ms.
    case binanceCombined
    /// Raw stream: only the inner object, times in ms.
    case binanceRaw
    /// Combined stream with `timeUnit=MICROSECOND`.
    case binanceMicroseconds
    /// Pages of `/api/v3/historicalTrades`.
    case binanceREST
    case krakenV2
    case krakenV1
    /// Pages of `/0/public/Trades`.
    case krakenREST
    /// Advanced Trade `market_trades`.
    case coinbaseAdvanced
    /// Exchange `matches`.
    case coinbaseExchange
    /// Pages of Exchange `/products/{id}/trades`.
    case coinbaseREST
    /// Pages of Advanced Trade `/market/products/{id}/ticker`.
    case coinbaseAdvancedREST

    public var exchange: Exchange {
        switch self {
        case .binanceCombined, .binanceRaw, .binanceMicroseconds, .binanceREST: .binance
        case .krakenV2, .krakenV1, .krakenREST: .kraken
        case .coinbaseAdvanced, .coinbaseExchange, .coinbaseREST, .coinbaseAdvancedREST: .coinbase
        }
    }

    /// The name on the command line, unique within its exchange.
    public var name: String {
        switch self {
        case .binanceCombined: "combined"
        case .binanceRaw: "raw"
        case .binanceMicroseconds: "us"
        case .binanceREST, .krakenREST, .coinbaseREST: "rest"
        case .krakenV2: "v2"
        case .krakenV1: "v1"
        case .coinbaseAdvanced: "advanced"
        case .coinbaseExchange: "exchange"
        case .coinbaseAdvancedREST: "rest-advanced"
        }
    }

    /// The formats of one exchange, its default first.
    public static func formats(of exchange: Exchange) -> [WireFormat] {
        allCases.filter { $0.exchange == exchange }
    }

    var isREST: Bool {
        switch self {
        case .binanceREST, .krakenREST, .coinbaseREST, .coinbaseAdvancedREST: true
        default: false
        }
    }
}
