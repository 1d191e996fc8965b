import K2JSON

/// One WebSocket connection as the exchange sees it: answers requests, and turns trades into messages.
///
/// Times are those passed in, µs; `context.wire` makes the exchange's times of them.
protocol ServeSession: AnyObject {
    var link: ServeLink { get }
    func open(at time: Int64, to context: inout ServeContext)
    /// A text message of the client; nil when it was no JSON.
    func receive(_ message: JSONValue?, at time: Int64, market: borrowing LiveMarket, to context: inout ServeContext)
    func heardPing(at time: Int64, to context: inout ServeContext)
    func heardPong(at time: Int64, to context: inout ServeContext)
    /// A new trade of any symbol.
    /// - Parameter isWithheld: the message with it gets lost on its way.
    func deliver(_ trade: SimulatedTrade, isWithheld: Bool, at time: Int64, to context: inout ServeContext)
    /// Does what is due by `time`. Called again and again.
    func tick(at time: Int64, to context: inout ServeContext)
    /// Announces that the connection will end soon.
    func announceEnd(at time: Int64, to context: inout ServeContext)
    /// An error that no request of the client has caused.
    func sendError(to context: inout ServeContext)
}

extension ServeSession {
    func heardPing(at time: Int64, to context: inout ServeContext) {}
    func heardPong(at time: Int64, to context: inout ServeContext) {}
}

/// Messages that go out later than they were made: acknowledgements that are late on purpose.
struct DelayedTexts {
    private var waiting: [(due: Int64, text: [UInt8])] = []

    mutating func add(_ text: [UInt8], due: Int64) { waiting.append((due, text)) }

    /// The messages due by `time`, in their order.
    mutating func take(until time: Int64) -> [[UInt8]] {
        if waiting.isEmpty { return [] }
        let due = waiting.filter { $0.due <= time }.map(\.text)
        waiting.removeAll { $0.due <= time }
        return due
    }
}

/// The symbols of an exchange in the spelling of its stream.
struct ServeSymbols {
    let symbols: [WireSymbol]
    private let indices: [String: Int]

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        indices = Dictionary(uniqueKeysWithValues: symbols.enumerated().map { ($0.element.name, $0.offset) })
    }

    var count: Int { symbols.count }
    func index(_ name: String) -> Int? { indices[name] }
}
