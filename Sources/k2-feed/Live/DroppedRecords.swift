import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON

/// What is lost with records that are dropped: the ids of their trades. Gap records are not lost: they are few,
/// and kept.
struct DroppedRecords {
    private(set) var messages = 0
    /// `gap` lines, whole.
    private(set) var gapLines: [UInt8] = []
    private var seen: [String: SequenceSet] = [:]

    /// By the exchange's spelling.
    var ranges: [(symbol: String, range: ClosedRange<UInt64>)] {
        seen.sorted { $0.key < $1.key }.flatMap { entry in entry.value.ranges.map { (entry.key, $0) } }
    }

    mutating func read(_ lines: Span<UInt8>, exchange: Exchange) {
        var document = JSONDocument()
        var nodes: [Int32] = []
        var batch = WireBatch()
        let adapter = ExchangeRegistry.adapter(for: exchange)
        var start = 0
        for index in 0..<lines.count where lines[index] == 0x0a {
            let line = lines.extracting(start..<index)
            start = index + 1
            guard (try? document.parse(line)) != nil else { continue }
            guard case .raw = RecordKind(of: document, in: line) else {
                line.withUnsafeBufferPointer { gapLines.append(contentsOf: $0) }
                gapLines.append(0x0a)
                continue
            }
            messages += 1
            batch.removeAll()
            guard let envelope = try? RawLine(document, text: line, nodes: &nodes),
                (try? adapter.read(envelope.message, request: envelope.request, document: document, text: line, into: &batch)) != nil
            else { continue }
            for trade in batch.trades {
                guard let id = trade.id else { continue }
                _ = seen[line.part(trade.symbol).text, default: SequenceSet()].insert(id)
            }
        }
    }
}
