import K2Domain
import K2JSON
import K2NDJSON

/// Reads gap records and keeps those that are open: later records settle earlier ones, also in parts.
struct OpenGaps: ~Copyable {
    struct Gap {
        var symbol: String
        var first: UInt64
        var last: UInt64
        var after: Timestamp?
        var before: Timestamp?
    }

    private let exchange: Exchange
    private var document = JSONDocument()
    private(set) var open: [Gap] = []

    init(exchange: Exchange) { self.exchange = exchange }

    mutating func read(_ line: Span<UInt8>) throws(RecordError) {
        guard let gap = try gap(line), gap.exchange == exchange else { return }
        // What was said about these ids before counts no more.
        open = open.flatMap { $0.symbol == gap.symbol ? Self.parts(of: $0, without: gap.firstMissing...gap.lastMissing) : [$0] }
        guard gap.state == .open else { return }
        open.append(Gap(symbol: gap.symbol, first: gap.firstMissing, last: gap.lastMissing, after: gap.afterTime, before: gap.beforeTime))
        open.sort { ($0.symbol, $0.first) < ($1.symbol, $1.first) }
    }

    /// The gap record of a line; nil when it is another record.
    private mutating func gap(_ line: Span<UInt8>) throws(RecordError) -> GapLine? {
        do throws(JSONError) { try document.parse(line) } catch {
            throw RecordError("line", expected: "a record", found: nil)
        }
        guard case .gap = RecordKind(of: document, in: line) else { return nil }
        return try GapLine(document, text: line)
    }

    private static func parts(of gap: Gap, without range: ClosedRange<UInt64>) -> [Gap] {
        var settled = SequenceSet()
        settled.insert(contentsOf: range)
        return settled.absent(from: gap.first...gap.last).map {
            var part = gap
            part.first = $0.lowerBound
            part.last = $0.upperBound
            return part
        }
    }
}
