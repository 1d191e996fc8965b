import K2TestSupport
import Testing

/// The trades and gap records of a run beside the truth.
///
/// Two kinds of trades cannot be known of by their ids, and are left out: those of a symbol before the first one that was ever captured, since
/// a capture begins with it (a hundredth at most: a connection may be lost before a quiet symbol trades); and `lost` ones behind the last one,
/// which neither the stream nor REST ever shows.
struct DrillComparison {
    private(set) var problems: [String] = []
    private(set) var captured = 0
    private(set) var repeated = 0
    private(set) var lost = 0
    /// Trades before the first captured one of their symbol.
    private(set) var before = 0
    private(set) var ledger = DrillLedger()

    private let truth: DrillTruth
    private let partly: Set<String>
    private var found: [String: Set<UInt64>] = [:]

    /// - Parameters:
    ///   - partly: symbols that were not captured all the time: only what lies between their first and last trade is compared.
    ///   - raw: the output of k2-feed, for its gap records.
    ///   - trades: the same, normalized.
    ///   - symbols: those that are compared; nil: all.
    init(_ truth: DrillTruth, raw: [UInt8], trades: [UInt8], symbols: Set<String>? = nil, partly: Set<String> = []) {
        self.truth = truth
        self.partly = partly
        RecordText.forEach(in: raw) { if $0.starts(with: "{\"kind\":\"gap\"") { ledger.take($0) } }
        RecordText.forEach(in: trades) { if $0.starts(with: "{\"kind\":\"trade\"") { take($0) } }
        let (lost, empty, open) = (ledger.ids(.lost), ledger.ids(.empty), ledger.ids(.open))
        for (symbol, all) in truth.trades where symbols?.contains(symbol) ?? true {
            compare(symbol, all, lost: lost[symbol] ?? [], empty: empty[symbol] ?? [])
        }
        if before > truth.count / 100 { problem("\(before) trades came before the first captured one of their symbol") }
        for (symbol, ids) in open { problem("\(symbol): \(ids.count) ids stay open: \(Self.list(ids))") }
    }

    private mutating func problem(_ text: String) { if problems.count < 20 { problems.append(text) } }

    private mutating func take(_ line: RecordText) {
        let symbol = line.string("\"symbol\":")
        guard let id = line.number("\"source_sequence\":") else { return problem("no id: \(line.text)") }
        guard let truth = truth.trades[symbol]?[id] else { return problem("nobody made \(line.text)") }
        guard found[symbol, default: []].insert(id).inserted else { return problem("\(symbol) \(id) came twice") }
        captured += 1
        let trade = DrillTruth.Trade(line, time: "\"timestamp\":")
        if trade != truth.trade { problem("\(symbol) \(id): expected \(truth.trade.text), found \(trade.text) of \(line.string("\"origin\":"))") }
    }

    private mutating func compare(
        _ symbol: String, _ all: [UInt64: (kind: DrillTruth.Kind, trade: DrillTruth.Trade)], lost: Set<UInt64>, empty: Set<UInt64>
    ) {
        let found = self.found[symbol] ?? []
        guard let first = found.min(), let last = found.max() else { return problem("\(symbol): nothing was captured") }
        var missing: Set<UInt64> = []
        for (id, entry) in all where !found.contains(id) {
            if id < first { before += entry.kind == .before || partly.contains(symbol) ? 0 : 1 } else if id < last || entry.kind == .sent && !partly.contains(symbol) { missing.insert(id) }
        }
        self.lost += missing.count
        let silent = missing.subtracting(lost)
        if !silent.isEmpty { problem("\(symbol): \(silent.count) trades are missing without a word: \(Self.list(silent))") }
        let wrong = lost.intersection(found)
        if !wrong.isEmpty { problem("\(symbol): \(wrong.count) trades are said to be lost and were captured: \(Self.list(wrong))") }
        let hidden = empty.intersection(all.keys)
        if !hidden.isEmpty { problem("\(symbol): \(hidden.count) trades are said never to have been: \(Self.list(hidden))") }
    }

    private static func list(_ ids: Set<UInt64>) -> String {
        let sorted = ids.sorted()
        return sorted.prefix(6).map(String.init).joined(separator: ", ") + (sorted.count > 6 ? " … \(sorted[sorted.count - 1])" : "")
    }
}
