import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

/// Counts of one run.
struct CandleStats {
    var lines = 0
    var trades = 0
    var duplicates = 0
    var invalid = 0
    var gaps = 0
    var candles = 0
    var revisions = 0
    var tooLate = 0
    var rejected = 0
    var skipped = 0

    var description: String {
        "lines \(lines); trades \(trades); duplicates \(duplicates); invalid \(invalid); gaps \(gaps); "
            + "candles \(candles); revisions \(revisions); too late \(tooLate); rejected \(rejected); skipped \(skipped)"
    }
}

/// Turns lines of `trade` and `gap` records into candles to print. Pure: lines in, events out.
struct CandleStage: ~Copyable {
    /// A gap of a series that has had no trade yet.
    struct EarlyGap: Equatable {
        var exchange: Exchange
        var symbol: [UInt8]
        var gap: KnownGap
    }

    var fold: CandleFold
    var digests = DigestWindow()
    var earlyGaps: [EarlyGap] = []
    private(set) var stats = CandleStats()
    /// Why the last line could not be used, or only in part; nil when it was.
    private(set) var refusal: String?

    private var document = JSONDocument()
    private var reader = TradeReader()
    /// Series numbers by exchange and canonical symbol.
    private var names = Exchange.allCases.map { _ in ByteTable() }
    private var numbers: [[Int]] = Exchange.allCases.map { _ in [] }

    static let maxEarlyGaps = 256

    init(fold: CandleFold) {
        self.fold = fold
        for index in fold.series.indices { register(index) }
    }

    mutating func process(_ line: Span<UInt8>) {
        refusal = nil
        stats.lines += 1
        do throws(JSONError) { try document.parse(line) } catch { return refuse("line: \(error)") }
        guard let kind = RecordKind(of: document, in: line) else { return refuse("line: expected a record with a kind") }
        switch kind {
        case .trade: processTrade(line)
        case .gap: processGap(line)
        default: stats.skipped += 1
        }
    }

    mutating func refuse(_ reason: String) {
        stats.rejected += 1
        refusal = reason
    }

    mutating func refuseLine(_ reason: String) {
        stats.lines += 1
        refuse(reason)
    }

    /// Takes note of candles that were printed.
    mutating func count(_ event: CandleEvent) {
        stats.candles += 1
        if event.candle.revision > 0 { stats.revisions += 1 }
    }

    private mutating func processTrade(_ line: Span<UInt8>) {
        let fields: TradeFields
        do throws(RecordError) { fields = try reader.read(document, line) } catch { return refuse("trade: \(error)") }
        guard fields.isValid else {
            stats.invalid += 1
            return
        }
        if fields.trade.sequence == nil {
            let digest = Digest.hash128(line.part(fields.tradeID), seed: UInt64(fields.exchange.index))
            guard digests.insert(digest) else {
                stats.duplicates += 1
                return
            }
        }
        switch fold.add(fields.trade, to: series(of: fields, line)) {
        case .counted: stats.trades += 1
        case .duplicate: stats.duplicates += 1
        case .tooLate(let intervals):
            stats.trades += 1
            stats.tooLate += 1
            let names = intervals.map(\.rawValue).joined(separator: ", ")
            refuse("trade: too late for its \(names) candle: that window is closed and no longer held")
        case .overflow(let intervals):
            let names = intervals.map(\.rawValue).joined(separator: ", ")
            refuse("trade: the volume of its \(names) candle would need more than 38 digits")
        }
    }

    private mutating func series(of fields: TradeFields, _ line: Span<UInt8>) -> Int {
        let name = line.part(fields.canonicalSymbol)
        let exchange = fields.exchange.index
        if let known = names[exchange].find(name) { return numbers[exchange][known] }
        let symbol = Self.bytes(line.part(fields.symbol))
        fold.series.append(
            Series(
                exchange: fields.exchange, canonicalSymbol: Self.bytes(name), symbol: symbol,
                intervals: fold.intervals))
        let index = fold.series.count - 1
        register(index)
        for early in earlyGaps where early.exchange == fields.exchange && early.symbol == symbol {
            fold.openGap(early.gap, in: index)
        }
        earlyGaps.removeAll { $0.exchange == fields.exchange && $0.symbol == symbol }
        return index
    }

    private mutating func register(_ index: Int) {
        let exchange = fold.series[index].exchange.index
        let name = fold.series[index].canonicalSymbol
        if names[exchange].insert(name.span) == numbers[exchange].count { numbers[exchange].append(index) }
    }

    private static func bytes(_ span: Span<UInt8>) -> [UInt8] { span.withUnsafeBufferPointer { Array($0) } }

    private mutating func processGap(_ line: Span<UInt8>) {
        let gap: GapLine
        do throws(RecordError) { gap = try GapLine(document, text: line) } catch { return refuse("gap: \(error)") }
        stats.gaps += 1
        let symbol = Array(gap.symbol.utf8)
        let index = fold.series.firstIndex { $0.exchange == gap.exchange && $0.symbol == symbol }
        if gap.state == .filled || gap.state == .empty {
            if let index { fold.closeGap(gap.firstMissing, gap.lastMissing, in: index) }
            earlyGaps.removeAll {
                $0.exchange == gap.exchange && $0.symbol == symbol && $0.gap.first >= gap.firstMissing
                    && $0.gap.last <= gap.lastMissing
            }
            return
        }
        guard let after = gap.afterTime ?? gap.beforeTime, let before = gap.beforeTime ?? gap.afterTime else { return }
        let known = KnownGap(
            first: gap.firstMissing, last: gap.lastMissing, afterTime: min(after, before), beforeTime: max(after, before))
        if let index { return fold.openGap(known, in: index) }
        earlyGaps.append(EarlyGap(exchange: gap.exchange, symbol: symbol, gap: known))
        if earlyGaps.count > Self.maxEarlyGaps { earlyGaps.removeFirst() }
    }
}
