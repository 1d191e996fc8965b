import K2Bytes
import K2Domain
import K2JSON

/// How the live trades of one exchange are had: what to say on its WebSocket, what its answers mean, and
/// how its REST interface fills holes. Pure: no socket, no clock, no file.
///
/// Names of symbols are the exchange's own for its stream (`BTCUSDT`, `BTC/USD`, `BTC-USD`).
public protocol ExchangeFeed: Sendable {
    var exchange: Exchange { get }
    var endpoints: FeedEndpoints { get }
    var limits: FeedLimits { get }

    /// The messages that subscribe to the trades of `symbols`; each is numbered from `id` on.
    func subscribe(_ symbols: [String], id: Int) -> [FeedRequest]
    /// The messages that end these subscriptions, numbered from `id` on.
    func unsubscribe(_ symbols: [String], id: Int) -> [FeedRequest]
    /// Messages due right after opening, before any subscription, numbered from `id` on.
    func greeting(id: Int) -> [FeedRequest]
    /// A message that makes a quiet but living exchange answer; nil where a WebSocket ping does.
    func ping(id: Int) -> FeedRequest?

    /// What a message that holds no trades says.
    func reply(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> FeedReply
    /// The exchange's count of the messages of this connection, where it sends one.
    func messageNumber(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> UInt64?

    /// Headers of every REST request, beside the usual ones.
    var restHeaders: [(name: String, value: String)] { get }
    /// The request for the exchange's own list of instruments.
    var instrumentList: RESTRequest { get }
    /// Reads the answer to `instrumentList`.
    func readInstruments(_ body: JSONValue) throws(InstrumentListError) -> [ListedInstrument]

    /// The newest trades of a symbol, at most one page. `symbol` is the REST spelling.
    func newestTrades(_ symbol: String) -> RESTRequest
    /// The pages that hold the trades of a hole.
    func refill(_ hole: RefillHole) -> any RefillPager
    /// The cursor for the next page that the page at `node` names, where the exchange sends one.
    func cursor(_ node: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>) -> UInt64?
    /// What an answer that is not a page of trades means for the request. `status` is HTTP's; `body` is nil
    /// when it is no JSON.
    func refusal(status: Int, body: JSONValue?) -> RESTRefusal
}

extension ExchangeFeed {
    public var restHeaders: [(name: String, value: String)] { [] }
    public func greeting(id: Int) -> [FeedRequest] { [] }
    public func ping(id: Int) -> FeedRequest? { nil }
    public func messageNumber(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> UInt64? { nil }
    public func cursor(_ node: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>) -> UInt64? { nil }
}

/// Where an exchange is reached unless told otherwise.
public struct FeedEndpoints: Sendable {
    /// `wss://host[:port]`.
    public var stream: String
    /// Path and query that belong to every stream endpoint of the exchange.
    public var streamTarget: String
    /// `https://host`.
    public var rest: String
}

/// What the exchange allows, and what silence means. Times are µs.
public struct FeedLimits: Sendable {
    public var symbolsPerConnection: Int
    public var symbolsPerRequest: Int
    /// Least time between two of our messages on a connection.
    public var messageInterval: Int64
    /// At most `attempts` connections are opened in `attemptWindow`.
    public var attempts: Int
    public var attemptWindow: Int64
    /// Least and greatest delay before a connection is tried again.
    public var retryDelay: ClosedRange<Int64>
    /// An answer to a subscription is due after this.
    public var acknowledgeWithin: Int64
    /// A living connection is never silent for longer, heartbeats and pings counted.
    public var silence: Int64
    /// A connection is replaced at this age; nil: never.
    public var maxAge: Int64?
    /// REST requests: this many at once, and one more every `requestInterval`.
    public var requestBurst: Int
    public var requestInterval: Int64
}

/// A message for the exchange.
public struct FeedRequest: Sendable, Equatable {
    public var text: String
    /// The number it carries, where the exchange repeats it in the answer; else nil.
    public var id: Int?
    /// The symbols that it subscribes or unsubscribes.
    public var symbols: [String]
    public var unsubscribes: Bool

    public init(_ text: String, id: Int? = nil, symbols: [String] = [], unsubscribes: Bool = false) {
        self.text = text
        self.id = id
        self.symbols = symbols
        self.unsubscribes = unsubscribes
    }
}

/// What a message without trades says.
public enum FeedReply: Sendable, Equatable {
    /// The request of this number was taken; where `symbol` is named, for that one only.
    case acknowledged(id: Int?, symbol: String?)
    /// All symbols that the connection is subscribed to by now.
    case subscriptions([String])
    /// Refused: the request of this number, or the symbol, or (both nil) something we asked for.
    case refused(id: Int?, symbol: String?, reason: String)
    /// The exchange lives.
    case heartbeat
    /// It will close this connection soon.
    case shutdown
    /// Its state, such as `online` or `maintenance`.
    case status(String)
    case other
}

/// A GET request: path and query.
public struct RESTRequest: Sendable, Equatable {
    public var target: String
    public init(_ target: String) { self.target = target }
}

/// Why a REST request brought no page.
public enum RESTRefusal: Sendable, Equatable {
    /// Too many requests: wait.
    case tooMany
    /// The exchange is in trouble: try again.
    case unavailable(String)
    /// It will never answer this one: an unknown symbol, for instance.
    case never(String)

    /// The statuses that speak of the request itself; others speak of us, or of the moment.
    static func isFinal(_ status: Int) -> Bool { status == 400 || status == 404 || status == 422 }
}

/// One pair of an exchange's own instrument list.
public struct ListedInstrument: Sendable, Equatable {
    /// As K2 names assets: `BTC`, `DOGE`.
    public var base: String
    public var quote: String
    /// The spelling of the stream.
    public var streamName: String
    /// The spelling of REST requests for trades.
    public var restName: String
    /// All spellings that occur in messages, the two above among them.
    public var spellings: [String]
    /// Whether it can be traded, so far as the list says.
    public var isTrading: Bool
    /// The stream name that its trades really come under, where that is another's.
    public var alias: String?
}

/// A list of instruments that could not be read.
public struct InstrumentListError: Error, Sendable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}

extension ExchangeRegistry {
    public static func feed(for exchange: Exchange) -> any ExchangeFeed {
        switch exchange {
        case .binance: BinanceFeed()
        case .kraken: KrakenFeed()
        case .coinbase: CoinbaseFeed()
        }
    }
}
