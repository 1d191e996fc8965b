import K2Bytes
import K2Domain
import K2JSON

/// Finds the instrument that a message means, by exchange and spelling, without allocating.
///
/// Filled from the bundled snapshot and, where given, from an instruments file. A spelling that no
/// list has is split by the exchange's own rules once and remembered as inferred.
public struct InstrumentCatalog: ~Copyable {
    public private(set) var instruments: [Instrument] = []
    /// The spellings of each exchange, and which instrument each means.
    private var spellings = Exchange.allCases.map { _ in ByteTable() }
    private var meanings: [[Int32]] = Exchange.allCases.map { _ in [] }

    /// More spellings than any exchange has pairs; inferred ones beyond it are refused.
    static let maxSpellings = 65_536

    /// An empty catalog.
    public init() {}

    /// Finds `spelling`, inferring the instrument when no list has it; nil when that is impossible.
    public mutating func find(_ spelling: Span<UInt8>, on exchange: Exchange) -> Int? {
        if let known = spellings[exchange.index].find(spelling) { return Int(meanings[exchange.index][known]) }
        return infer(spelling, on: exchange)
    }

    /// Adds an instrument under all its spellings; a spelling that is already there now means this one.
    /// An instrument of the same exchange and symbol is replaced and keeps its index.
    public mutating func add(_ instrument: Instrument, spellings names: [String]) {
        let index = find(symbol: instrument.symbol, on: instrument.exchange) ?? instruments.count
        if index == instruments.count { instruments.append(instrument) } else { instruments[index] = instrument }
        for name in names {
            let bytes = Array(name.utf8)
            let spelling = spellings[instrument.exchange.index].insert(bytes.span)
            if spelling == meanings[instrument.exchange.index].count {
                meanings[instrument.exchange.index].append(Int32(index))
            } else {
                meanings[instrument.exchange.index][spelling] = Int32(index)
            }
        }
    }

    private mutating func infer(_ spelling: Span<UInt8>, on exchange: Exchange) -> Int? {
        guard spelling.count <= 64, spellings[exchange.index].count < Self.maxSpellings, Self.isPlain(spelling),
            let pair = ExchangeRegistry.adapter(for: exchange).inferInstrument(spelling)
        else { return nil }
        let known = find(symbol: pair.base + pair.quote, on: exchange)
        let instrument =
            known.map { instruments[$0] }
            ?? Instrument(exchange: exchange, base: pair.base, quote: pair.quote, assetClass: "crypto", isInferred: true)
        add(instrument, spellings: [spelling.text])
        return find(symbol: instrument.symbol, on: exchange)
    }

    /// Finds an instrument by K2's own symbol. O(instruments): not for every trade.
    public func find(symbol: String, on exchange: Exchange) -> Int? {
        instruments.firstIndex { $0.exchange == exchange && $0.symbol == symbol }
    }

    /// Names go into records as they are: no quotes, escapes, separators of ours, or control characters.
    static func isPlain(_ text: Span<UInt8>) -> Bool {
        for index in 0..<text.count {
            switch text[index] {
            case 0...0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "|"): return false
            default: continue
            }
        }
        return text.count > 0
    }
}

extension InstrumentCatalog {
    /// The instruments of an exchange that a list names, in the form of its own list; the first spelling of each is
    /// the stream's.
    public func listed(on exchange: Exchange) -> [ListedInstrument] {
        var names: [Int: [String]] = [:]
        for (spelling, instrument) in spellingsAndMeanings(on: exchange) { names[instrument, default: []].append(spelling) }
        return instruments.indices.compactMap { index in
            let instrument = instruments[index]
            guard instrument.exchange == exchange, !instrument.isInferred, let spellings = names[index], let first = spellings.first
            else { return nil }
            return ListedInstrument(
                base: instrument.base, quote: instrument.quote, streamName: first, restName: first, spellings: spellings, isTrading: true)
        }
    }

    private func spellingsAndMeanings(on exchange: Exchange) -> [(String, Int)] {
        let table = spellings[exchange.index]
        return (0..<table.count).map { (String(decoding: table.key($0), as: UTF8.self), Int(meanings[exchange.index][$0])) }
    }
}
