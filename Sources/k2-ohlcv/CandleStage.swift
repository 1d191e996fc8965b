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
    /// A gap record of a series that has had no trade yet.
    struct EarlyGap: Equatable {
        var exchange: Exchange
        var symbol: [UInt8]
        var gap: KnownGap
        /// The ids were filled or proved to be empty.
        var isClosed: Bool
    }

    var fold: CandleFold
    var unnumbered = UnnumberedTrades()
    var earlyGaps: [EarlyGap] = []
    private(set) var stats = CandleStats()
    /// Why the last line could not be used, or only in part; nil when it was.
    private(set) var refusal: String?

    private var document = JSONDocument()
    private var reader = TradeReader()
    private var scan = TradeScan()
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
        // Nearly every line is a trade as k2-normalize writes it.
        if scan.scan(line), let fields = reader.read(scan, line) { return count(fields, line) }
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
        count(fields, line)
    }

    private mutating func count(_ fields: TradeFields, _ line: Span<UInt8>) {
        // The mark is the normalizer's; other programs may write trades too.
        guard fields.isValid, fields.trade.price.isPositive, fields.trade.quantity.isPositive else {
            stats.invalid += 1
            return
        }
        let index = series(of: fields, line)
        guard fields.trade.sequence != nil || countOnce(fields, index, line) else {
            stats.duplicates += 1
            return
        }
        switch fold.add(fields.trade, to: index) {
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

    /// Whether a trade without a sequence was not counted before.
    private mutating func countOnce(_ fields: TradeFields, _ index: Int, _ line: Span<UInt8>) -> Bool {
        let digest = Digest.hash128(line.part(fields.tradeID), seed: UInt64(fields.exchange.index))
        if unnumbered.contains(digest) || fields.trade.time <= fold.series[index].unsureUntil { return false }
        let entry = UnnumberedTrades.Entry(digest: digest, series: index, time: fields.trade.time)
        if let forgotten = unnumbered.insert(entry) {
            let known = fold.series[forgotten.series].unsureUntil
            fold.series[forgotten.series].unsureUntil = max(known, forgotten.time)
        }
        return true
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
            note(early, in: index)
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
        let isClosed = gap.state == .filled || gap.state == .empty
        guard let known = Self.known(gap) ?? (isClosed ? Self.timeless(gap) : nil) else { return }
        let record = EarlyGap(
            exchange: gap.exchange, symbol: Array(gap.symbol.utf8), gap: known, isClosed: isClosed)
        let index = fold.series.firstIndex { $0.exchange == record.exchange && $0.symbol == record.symbol }
        if let index { return note(record, in: index) }
        if earlyGaps.contains(record) { return }
        earlyGaps.append(record)
        if earlyGaps.count > Self.maxEarlyGaps { earlyGaps.removeFirst() }
    }

    private mutating func note(_ record: EarlyGap, in index: Int) {
        if record.isClosed { fold.closeGap(record.gap.ids, in: index) } else { fold.openGap(record.gap, in: index) }
    }

    /// A hole with its times; nil when the record has none, so that no candle can be named.
    private static func known(_ gap: GapLine) -> KnownGap? {
        guard let after = gap.afterTime ?? gap.beforeTime, case let before = gap.beforeTime ?? after else { return nil }
        return KnownGap(
            ids: gap.firstMissing...gap.lastMissing, afterTime: min(after, before), beforeTime: max(after, before))
    }

    /// To close ids no times are needed.
    private static func timeless(_ gap: GapLine) -> KnownGap {
        KnownGap(ids: gap.firstMissing...gap.lastMissing, afterTime: gap.detectedAt, beforeTime: gap.detectedAt)
    }
}
