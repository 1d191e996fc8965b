import K2Bytes
import K2Domain
import K2JSON

/// The envelope of a `raw` record: one message as it was received.
public struct RawLine: Sendable {
    public var exchange: Exchange
    public var origin: Origin
    public var receivedAt: Timestamp
    /// Path and query of the REST request; empty otherwise.
    public var request: ByteRange
    /// Node of the message.
    public var message: Int

    private static let layout = RecordLayout([
        "kind", "exchange", "origin", "received_at", "connection", "sequence", "request", "message",
    ])

    /// Reads the envelope of the record in `document`.
    public init(
        _ document: borrowing JSONDocument, text: Span<UInt8>, nodes: inout [Int32]
    ) throws(RecordError) {
        Self.layout.locate(in: 0, of: document, text: text, nodes: &nodes)
        let name = try RecordReader.string(nodes[1], "exchange", document, text)
        guard let exchange = Exchange(text.part(name)) else {
            throw RecordReader.refused(Int(nodes[1]), "exchange", "binance, kraken or coinbase", document, text)
        }
        self.exchange = exchange
        origin = .stream
        if nodes[2] >= 0 {
            guard let origin = Origin(text.part(try RecordReader.string(nodes[2], "origin", document, text))) else {
                throw RecordReader.refused(Int(nodes[2]), "origin", "stream, snapshot or rest", document, text)
            }
            self.origin = origin
        }
        receivedAt = try RecordReader.time(nodes[3], "received_at", document, text)
        request = nodes[6] < 0 ? .empty : try RecordReader.string(nodes[6], "request", document, text)
        guard nodes[7] >= 0 else { throw RecordError("message", expected: "this member", found: nil) }
        message = Int(nodes[7])
    }
}
