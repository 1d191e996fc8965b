import K2Capture
import K2Domain
import K2Exchanges
import K2WebSocket

/// Everything that a live capture was asked for, checked.
struct LiveOptions {
    var feed: any ExchangeFeed
    /// What to subscribe, by the exchange's own list.
    var symbols: [ListedInstrument]
    var endpoint: WebSocketEndpoint
    var restBase: String
    var webSocket: WebSocketOptions
    var connection = ConnectionPlan.Policy()
    var refill = RefillPlan.Policy()
    /// REST requests; as the exchange allows, unless told otherwise.
    var requestInterval: Int64
    var requestBurst: Int
    /// How long a hole waits before it is announced, µs: overlapping connections deliver out of order.
    var gapGrace: Int64 = 1_000_000
    /// Reads the symbols again, for SIGHUP; nil when they came from the command line.
    var symbolsFile: String?
}
