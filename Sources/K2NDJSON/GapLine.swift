import K2Bytes
import K2Domain
import K2JSON

/// A `gap` record: a hole in the trade ids of one symbol, both ends inclusive.
public struct GapLine: Equatable, Sendable {
    public var exchange: Exchange
    public var symbol: String
    public var firstMissing: UInt64
    public var lastMissing: UInt64
    /// Time of the last trade before the hole, and of the first one after it.
    public var afterTime: Timestamp?
    public var beforeTime: Timestamp?
    public var state: GapState
    public var cause: String?
    public var detectedAt: Timestamp

    public init(
        exchange: Exchange, symbol: String, firstMissing: UInt64, lastMissing: UInt64, afterTime: Timestamp?,
        beforeTime: Timestamp?, state: GapState, cause: String?, detectedAt: Timestamp
    ) {
        self.exchange = exchange
        self.symbol = symbol
        self.firstMissing = firstMissing
        self.lastMissing = lastMissing
        self.afterTime = afterTime
        self.beforeTime = beforeTime
        self.state = state
        self.cause = cause
        self.detectedAt = detectedAt
    }

    private static let layout = RecordLayout([
        "kind", "exchange", "symbol", "first_missing", "last_missing", "after_time", "before_time", "state", "cause",
        "detected_at",
    ])

    public init(_ document: borrowing JSONDocument, text: Span<UInt8>) throws(RecordError) {
        var nodes: [Int32] = []
        Self.layout.locate(in: 0, of: document, text: text, nodes: &nodes)
        guard let exchange = Exchange(text.part(try RecordReader.string(nodes[1], "exchange", document, text))) else {
            throw RecordReader.refused(Int(nodes[1]), "exchange", "binance, kraken or coinbase", document, text)
        }
        self.exchange = exchange
        symbol = JSONString.string(text.part(try RecordReader.string(nodes[2], "symbol", document, text)))
        let first = try RecordReader.integer(nodes[3], "first_missing", document, text)
        let last = try RecordReader.integer(nodes[4], "last_missing", document, text)
        guard first >= 0, last >= first else {
            throw RecordReader.refused(Int(nodes[4]), "last_missing", "an id not below first_missing", document, text)
        }
        firstMissing = UInt64(first)
        lastMissing = UInt64(last)
        afterTime = nodes[5] < 0 ? nil : try RecordReader.time(nodes[5], "after_time", document, text)
        beforeTime = nodes[6] < 0 ? nil : try RecordReader.time(nodes[6], "before_time", document, text)
        guard let state = GapState(text.part(try RecordReader.string(nodes[7], "state", document, text))) else {
            throw RecordReader.refused(Int(nodes[7]), "state", "open, filled, empty or lost", document, text)
        }
        self.state = state
        cause = nil
        if nodes[8] >= 0 {
            cause = JSONString.string(text.part(try RecordReader.string(nodes[8], "cause", document, text)))
        }
        detectedAt = try RecordReader.time(nodes[9], "detected_at", document, text)
    }

    /// Appends the record without its newline.
    public func write(to output: inout ByteWriter) {
        output.append("{\"kind\":\"gap\",\"exchange\":\"")
        output.append(exchange.name)
        output.append("\",\"symbol\":")
        output.appendJSONString(symbol)
        output.append(",\"first_missing\":")
        output.appendInteger(firstMissing)
        output.append(",\"last_missing\":")
        output.appendInteger(lastMissing)
        Self.write(afterTime, ",\"after_time\":\"", to: &output)
        Self.write(beforeTime, ",\"before_time\":\"", to: &output)
        output.append(",\"state\":\"")
        output.append(state.name)
        output.append("\"")
        if let cause {
            output.append(",\"cause\":")
            output.appendJSONString(cause)
        }
        Self.write(detectedAt, ",\"detected_at\":\"", to: &output)
        output.append("}")
    }

    private static func write(_ time: Timestamp?, _ head: StaticString, to output: inout ByteWriter) {
        guard let time else { return }
        output.append(head)
        output.append(time)
        output.append("\"")
    }
}
