import K2Bytes
import K2Domain
import K2JSON

/// Finds the instrument that a message means, by exchange and spelling, without allocating.
///
/// Filled from the bundled snapshot and, where given, from an instruments file. A spelling that no
/// list has is split by the exchange's own rules once and remembered as inferred.
public struct InstrumentCatalog: ~Copyable {
    public private(set) var instruments: [Instrument] = []
    /// Open addressing by `hash`; −1 is free. Twice as many slots as spellings at least.
    private var slots: [Int32]
    private var spellings: [Spelling] = []
    private var pool: [UInt8] = []
    private var last = -1

    /// More spellings than any exchange has pairs; inferred ones beyond it are refused.
    static let maxSpellings = 65_536

    private struct Spelling {
        var hash: UInt64
        var exchange: Exchange
        var text: ByteRange
        var instrument: Int32
    }

    /// An empty catalog.
    public init() { slots = Array(repeating: -1, count: 1024) }

    /// Finds `spelling`, inferring the instrument when no list has it; nil when that is impossible.
    public mutating func find(_ spelling: Span<UInt8>, on exchange: Exchange) -> Int? {
        if last >= 0, spellings[last].exchange == exchange, pool.span.part(spellings[last].text).equals(spelling) {
            return Int(spellings[last].instrument)
        }
        let hash = Self.hash(spelling)
        if let found = lookUp(spelling, hash: hash, on: exchange) {
            last = found
            return Int(spellings[found].instrument)
        }
        return infer(spelling, on: exchange)
    }

    /// Adds an instrument under all its spellings; a spelling that is already there now means this one.
    /// An instrument of the same exchange and symbol is replaced and keeps its index.
    public mutating func add(_ instrument: Instrument, spellings names: [String]) {
        let index = find(symbol: instrument.symbol, on: instrument.exchange) ?? instruments.count
        if index == instruments.count { instruments.append(instrument) } else { instruments[index] = instrument }
        for name in names {
            let bytes = Array(name.utf8)
            let hash = Self.hash(bytes.span)
            if let known = lookUp(bytes.span, hash: hash, on: instrument.exchange) {
                spellings[known].instrument = Int32(index)
                continue
            }
            insert(
                Spelling(
                    hash: hash, exchange: instrument.exchange,
                    text: ByteRange(pool.count, pool.count + bytes.count), instrument: Int32(index)))
            pool.append(contentsOf: bytes)
        }
        last = -1
    }

    private mutating func infer(_ spelling: Span<UInt8>, on exchange: Exchange) -> Int? {
        guard spelling.count <= 64, spellings.count < Self.maxSpellings, Self.isPlain(spelling),
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

    private func lookUp(_ spelling: Span<UInt8>, hash: UInt64, on exchange: Exchange) -> Int? {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] >= 0 {
            let candidate = spellings[Int(slots[slot])]
            if candidate.hash == hash, candidate.exchange == exchange,
                pool.span.part(candidate.text).equals(spelling)
            {
                return Int(slots[slot])
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private mutating func insert(_ spelling: Spelling) {
        spellings.append(spelling)
        if spellings.count * 2 > slots.count {
            slots = Array(repeating: -1, count: slots.count * 4)
            for index in spellings.indices { place(index) }
        } else {
            place(spellings.count - 1)
        }
    }

    private mutating func place(_ index: Int) {
        var slot = Int(truncatingIfNeeded: spellings[index].hash) & (slots.count - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(index)
    }

    /// FNV-1a, 64 bits: spellings are a few bytes long.
    private static func hash(_ bytes: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<bytes.count { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01b3 }
        return hash ^ (hash >> 32)
    }
}
