import K2Bytes
import K2Domain
import K2Exchanges
import K2NDJSON

@testable import K2Normalize

/// What came of one message: its records, why parts of it were refused, and what else it was taken for.
struct NormalizedMessage: Equatable {
    var records: [String] = []
    var refusals: [String] = []
    /// `control heartbeat`, `unknown binance aggTrade`; nil for a message of trades.
    var nothing: String?

    /// Wraps a message, one line, as a `raw` record.
    static func envelope(
        _ message: String, exchange: Exchange, request: String? = nil, receivedAt: String = "2026-10-01T00:00:00.000000Z"
    ) -> [UInt8] {
        let request = request.map { "\"request\":\"\($0)\"," } ?? ""
        let origin = request.isEmpty ? "stream" : "rest"
        return Array(
            """
            {"kind":"raw","exchange":"\(exchange.rawValue)","origin":"\(origin)","received_at":"\(receivedAt)",\
            "connection":"t","sequence":1,\(request)"message":\(message)}
            """.utf8)
    }

    /// Runs one line through a normalizer of its own.
    init(line: [UInt8], bronze: Bool = false) {
        var normalizer = Normalizer(catalog: .bundled(), writesBronze: bronze, gapPatience: 2_000_000)
        var output = ByteWriter()
        normalizer.process(line.span, into: &output)
        records = output.bytes.text.split(separator: "\n").map(String.init)
        refusals = normalizer.refusals
        nothing = normalizer.stats.control.keys.first.map { "control \($0)" } ?? normalizer.stats.unknown.keys.first.map { "unknown \($0)" }
    }
}
