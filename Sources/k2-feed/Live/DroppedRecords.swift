import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON

/// What is lost with records that are dropped: the ids of their trades. Gap records are few and not dropped, but come
/// later than they were meant to: where one speaks of ids that were lost meanwhile, it must be said again that they are.
struct DroppedRecords: ~Copyable {
    /// What went with some lines.
    struct Loss {
        var messages = 0
        /// Lost ids by K2's symbol, ascending.
        var ranges: [(symbol: String, range: ClosedRange<UInt64>)] = []
        /// Whole lines of other kinds, which are to be delivered all the same.
        var otherLines: [UInt8] = []
    }

    /// All that was lost so far, by K2's symbol.
    private var lost: [String: SequenceSet] = [:]
    private var document = JSONDocument()
    private var nodes: [Int32] = []
    private var batch = WireBatch()

    /// - Parameter symbol: K2's symbol of a name that messages of the exchange use.
    mutating func read(_ lines: Span<UInt8>, exchange: Exchange, symbol: (String) -> String) -> Loss {
        var loss = Loss()
        // Of these lines: ids of trades, and ranges that gap records settle.
        var ids: [String: SequenceSet] = [:]
        var settled: [String: SequenceSet] = [:]
        var start = 0
        for index in 0..<lines.count where lines[index] == 0x0a {
            let line = lines.extracting(start..<index)
            start = index + 1
            if let gap = read(line, exchange, &loss, &ids), gap.exchange == exchange, gap.state != .lost {
                settled[gap.symbol, default: SequenceSet()].insert(contentsOf: gap.firstMissing...gap.lastMissing)
            }
        }
        for (name, set) in ids {
            for range in set.ranges { lost[symbol(name), default: SequenceSet()].insert(contentsOf: range) }
            for range in set.ranges { settled[symbol(name), default: SequenceSet()].insert(contentsOf: range) }
        }
        for (symbol, set) in settled.sorted(by: { $0.key < $1.key }) {
            for range in set.ranges { loss.ranges += Self.common(lost[symbol] ?? SequenceSet(), range).map { (symbol, $0) } }
        }
        return loss
    }

    /// Takes note of one line; the gap record that it is, or nil.
    private mutating func read(
        _ line: Span<UInt8>, _ exchange: Exchange, _ loss: inout Loss, _ ids: inout [String: SequenceSet]
    ) -> GapLine? {
        guard (try? document.parse(line)) != nil else { return nil }
        guard case .raw = RecordKind(of: document, in: line) else {
            line.withUnsafeBufferPointer { loss.otherLines.append(contentsOf: $0) }
            loss.otherLines.append(0x0a)
            return try? GapLine(document, text: line)
        }
        loss.messages += 1
        batch.removeAll()
        guard let envelope = try? RawLine(document, text: line, nodes: &nodes),
            (try? ExchangeRegistry.adapter(for: exchange).read(
                envelope.message, request: envelope.request, document: document, text: line, into: &batch)) != nil
        else { return nil }
        for trade in batch.trades {
            guard let id = trade.id else { continue }
            _ = ids[line.part(trade.symbol).text, default: SequenceSet()].insert(id)
        }
        return nil
    }

    private static func common(_ set: SequenceSet, _ range: ClosedRange<UInt64>) -> [ClosedRange<UInt64>] {
        SequenceSet(ranges: set.absent(from: range)).absent(from: range)
    }
}
