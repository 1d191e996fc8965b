import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON

/// Turns lines of `raw` and `gap` records into `trade`, `bronze` and `gap` records. Pure: bytes in,
/// bytes out; the only time it knows is the receive time of each message.
///
/// Trades of one message come out by rising id. Duplicates are dropped by (exchange, symbol, trade
/// id). Nothing is allocated for a message whose instruments were seen before.
struct Normalizer: ~Copyable {
    let writesBronze: Bool
    private(set) var stats = NormalizeStats()
    /// Reasons for which parts of the last line could not be used, at most `maxRefusals`; the line belongs
    /// in the dead letters then.
    private(set) var refusals: [String] = []
    /// Further reasons of the last line.
    private var unlisted = 0

    private var document = JSONDocument()
    private var catalog: InstrumentCatalog
    private var adapters = Exchange.allCases.map { ExchangeRegistry.adapter(for: $0) }
    private var nodes: [Int32] = []
    private var batch = WireBatch()
    private var resolved: [Resolved] = []
    private var identities = IdentityWindow()
    private var digests = DigestWindow()
    /// How often each trade without an id occurred in the message so far, by digest of what was sent.
    private var repeats: [UInt128: UInt64] = [:]
    private var gaps: GapTracker
    /// `exchange|symbol|trade_id` of the current trade; the trade id starts at `tradeIDStart`.
    private var identity = ByteWriter(capacity: 128)
    private var tradeIDStart = 0
    private var scratch = ByteWriter(capacity: 128)
    private var problems: [StaticString] = []

    /// A trade of the batch with its instrument.
    private struct Resolved {
        var trade: Int32
        var instrument: Int32
        var id: UInt64
    }

    /// A line may hold a hundred thousand broken trades: their reasons must not fill our memory.
    private static let maxRefusals = 20
    /// Receive times are trusted by a day: a trade further in the future would close every candle.
    private static let futureTolerance = Timestamp.microsecondsPerDay
    /// 2009-01-03, the first block of the first coin: earlier times are an exchange's way to say "none".
    private static let earliest = Timestamp(microseconds: 1_230_940_800_000_000)

    /// - Parameter gapPatience: microseconds of receive time that a hole waits before it is reported.
    init(catalog: consuming InstrumentCatalog, writesBronze: Bool, gapPatience: Int64) {
        self.catalog = catalog
        self.writesBronze = writesBronze
        gaps = GapTracker(patience: gapPatience)
    }

    /// All reasons in one line.
    var reason: String { refusals.joined(separator: "; ") + (unlisted > 0 ? "; and \(unlisted) more" : "") }

    /// Handles one whole line; appends the records it yields to `output`.
    mutating func process(_ line: Span<UInt8>, into output: inout ByteWriter) {
        startLine()
        do throws(JSONError) { try document.parse(line) } catch { return refuse("line: \(error)") }
        guard let kind = RecordKind(of: document, in: line) else {
            return refuse("line: expected a record with a kind")
        }
        switch kind {
        case .raw: processRaw(line, into: &output)
        case .gap: processGap(line, into: &output)
        default: stats.skipped += 1
        }
    }

    /// Reports the holes still open; call it once, at the end of input.
    mutating func finish(into output: inout ByteWriter) {
        gaps.finish()
        writeGaps(into: &output)
    }

    /// Counts a line that could not be cut or read at all.
    mutating func refuseLine(_ reason: String) {
        startLine()
        refuse(reason)
    }

    private mutating func startLine() {
        refusals.removeAll(keepingCapacity: true)
        unlisted = 0
        stats.lines += 1
    }

    private mutating func refuse(_ reason: @autoclosure () -> String) {
        stats.rejected += 1
        if refusals.count < Self.maxRefusals { refusals.append(reason()) } else { unlisted += 1 }
    }

    private mutating func processRaw(_ line: Span<UInt8>, into output: inout ByteWriter) {
        let envelope: RawLine
        do throws(RecordError) {
            envelope = try RawLine(document, text: line, nodes: &nodes)
        } catch { return refuse("raw: \(error)") }
        stats.messages += 1
        gaps.advance(to: envelope.receivedAt)
        batch.removeAll()
        let message: WireMessage
        do throws(WireError) {
            message = try adapters[envelope.exchange.index].read(
                envelope.message, request: envelope.request, document: document, text: line, into: &batch)
        } catch {
            return refuse("\(envelope.exchange.rawValue) message: \(error.message(in: line))")
        }
        switch message {
        case .trades: writeTrades(envelope, line, into: &output)
        case .control(let type): NormalizeStats.count("\(type)", in: &stats.control)
        case .unknown(let type): refuseUnknown(type, envelope.exchange, line)
        }
        writeGaps(into: &output)
    }

    private mutating func refuseUnknown(_ type: ByteRange, _ exchange: Exchange, _ line: Span<UInt8>) {
        let shown = line.extracting(Int(type.lower)..<min(Int(type.upper), Int(type.lower) + 40)).text
        let name = "\(exchange.rawValue) \(shown.isEmpty ? "without type" : shown)"
        NormalizeStats.count(name, in: &stats.unknown)
        refusals.append("\(exchange.rawValue) message: unknown type \"\(shown)\"")
    }

    private mutating func writeTrades(_ envelope: RawLine, _ line: Span<UInt8>, into output: inout ByteWriter) {
        for error in batch.refused { refuse("\(envelope.exchange.rawValue) trade: \(error.message(in: line))") }
        resolve(envelope, line)
        for index in resolved.indices {
            let trade = batch.trades[Int(resolved[index].trade)]
            let instrument = Int(resolved[index].instrument)
            writeIdentity(trade, position: index, envelope.exchange, line)
            if let id = trade.id {
                let time = Self.plausible(trade.timestamp, envelope.receivedAt)
                gaps.observe(id, time: time, receivedAt: envelope.receivedAt, instrument: instrument)
                guard identities.insert(id, instrument: instrument) else {
                    stats.duplicates += 1
                    continue
                }
            }
            write(trade, instrument: instrument, envelope, line, into: &output)
        }
    }

    /// The time of a trade, or that of its receipt when the exchange's cannot be true: one wrong time must
    /// not stretch a hole over years.
    private static func plausible(_ time: Timestamp, _ receivedAt: Timestamp) -> Timestamp {
        time < earliest || time.microseconds - futureTolerance > receivedAt.microseconds ? receivedAt : time
    }

    /// Finds the instruments of the batch and puts its trades in order of id, per instrument.
    private mutating func resolve(_ envelope: RawLine, _ line: Span<UInt8>) {
        resolved.removeAll(keepingCapacity: true)
        if !repeats.isEmpty { repeats.removeAll(keepingCapacity: true) }
        var isSorted = true
        for index in batch.trades.indices {
            let symbol = batch.trades[index].symbol
            guard let instrument = catalog.find(line.part(symbol), on: envelope.exchange) else {
                let error = WireError("symbol", expected: "a known quote asset at its end", found: symbol)
                refuse("\(envelope.exchange.rawValue) trade: \(error.message(in: line))")
                continue
            }
            let id = batch.trades[index].id ?? UInt64(index)
            if let last = resolved.last, (last.instrument, last.id) > (Int32(instrument), id) { isSorted = false }
            resolved.append(
                Resolved(trade: Int32(truncatingIfNeeded: index), instrument: Int32(instrument), id: id))
        }
        if !isSorted { resolved.sort { ($0.instrument, $0.id, $0.trade) < ($1.instrument, $1.id, $1.trade) } }
    }

    /// Writes one trade that is not known to be a duplicate.
    private mutating func write(
        _ trade: WireTrade, instrument: Int, _ envelope: RawLine, _ line: Span<UInt8>, into output: inout ByteWriter
    ) {
        let digest = Digest.hash128(identity.bytes)
        if trade.id == nil, !digests.insert(digest) {
            stats.duplicates += 1
            return
        }
        guard let quoteVolume = quoteVolume(of: trade, envelope.exchange, line) else { return }
        let checked = check(trade, quoteVolume, envelope, instrument)
        if !checked.isValid { stats.invalid += 1 }
        stats.trades += 1
        emit(trade, checked, UUIDValue(digest: digest), instrument, envelope, line, into: &output)
    }

    private func emit(
        _ trade: WireTrade, _ checked: (values: TradeValues, isValid: Bool), _ messageID: UUIDValue,
        _ instrument: Int, _ envelope: RawLine, _ line: Span<UInt8>, into output: inout ByteWriter
    ) {
        let tradeID = identity.bytes.extracting(tradeIDStart..<identity.count)
        if writesBronze {
            let symbol = catalog.instruments[instrument].symbolBytes
            BronzeLine.write(
                checked.values, exchange: envelope.exchange, symbol: symbol.span, tradeID: tradeID,
                payload: trade.payload, text: line, to: &output)
        }
        TradeLine.write(
            checked.values, messageID: messageID, tradeID: tradeID,
            instrument: catalog.instruments[instrument].tradeMembers, condition: trade.condition.name,
            vendorData: batch.vendorFields[trade.vendorFields], isValid: checked.isValid, problems: problems,
            text: line, to: &output)
    }

    /// Price × quantity; nil, and refused, when one of the three does not fit its column.
    private mutating func quoteVolume(
        of trade: WireTrade, _ exchange: Exchange, _ line: Span<UInt8>
    ) -> FixedDecimal? {
        var misfit: (name: StaticString, value: FixedDecimal, scale: Int)?
        if !Self.fits(trade.price, scale: 12) { misfit = ("price", trade.price, 12) }
        if !Self.fits(trade.quantity, scale: 12) { misfit = ("quantity", trade.quantity, 12) }
        if misfit == nil {
            if let product = trade.price.multiplied(by: trade.quantity) {
                if product.scale <= 18 && Self.fits(product, scale: 18) { return product }
                if let rescaled = product.rescaled(to: 18) { return rescaled }
            }
            refuse("\(exchange.rawValue) trade: quote volume: expected at most 38 digits, 18 of them decimals, "
                + "found \(trade.price) times \(trade.quantity)")
            return nil
        }
        refuse("\(exchange.rawValue) trade: \(misfit!.name): expected at most 38 digits, \(misfit!.scale) of them "
            + "decimals, found \(misfit!.value)")
        return nil
    }

    /// Whether a value can stand in a column `Decimal(38, scale)` without loss.
    static func fits(_ value: FixedDecimal, scale: UInt8) -> Bool {
        // 10^20 leaves room for 18 more digits: no need to multiply for ordinary values.
        if value.scale <= scale && value.mantissa.magnitude < 100_000_000_000_000_000_000 { return true }
        return value.rescaled(to: scale) != nil
    }

    /// Fills in the values of the records and notes in `problems` what is doubtful about the trade.
    private mutating func check(
        _ trade: WireTrade, _ quoteVolume: FixedDecimal, _ envelope: RawLine, _ instrument: Int
    ) -> (values: TradeValues, isValid: Bool) {
        problems.removeAll(keepingCapacity: true)
        var values = TradeValues()
        values.priceText = trade.priceText
        values.quantityText = trade.quantityText
        values.price = trade.price
        values.quantity = trade.quantity
        values.quoteVolume = quoteVolume
        values.side = trade.side
        values.timestamp = trade.timestamp
        values.ingestionTimestamp = envelope.receivedAt
        values.eventTime = trade.eventTime
        values.sequence = trade.id
        values.origin = trade.isSnapshot && envelope.origin == .stream ? .snapshot : envelope.origin
        if catalog.instruments[instrument].isInferred { problems.append("instrument_inferred") }
        if trade.timestamp < Self.earliest {
            values.timestamp = envelope.receivedAt
            problems.append("timestamp_from_receipt")
        }
        let harmless = problems.count
        if !trade.price.isPositive { problems.append("price_not_positive") }
        if !trade.quantity.isPositive { problems.append("quantity_not_positive") }
        if trade.timestamp.microseconds - Self.futureTolerance > envelope.receivedAt.microseconds {
            problems.append("timestamp_in_future")
        }
        return (values, problems.count == harmless)
    }

    /// Sets `identity`; the trade id is the exchange's prefix and its id, or a digest where it gives none.
    private mutating func writeIdentity(
        _ trade: WireTrade, position: Int, _ exchange: Exchange, _ line: Span<UInt8>
    ) {
        identity.removeAll()
        identity.append(catalog.instruments[Int(resolved[position].instrument)].identityPrefix)
        tradeIDStart = identity.count
        identity.append(exchange.prefix)
        identity.append("-")
        if let id = trade.id { return identity.append(decimal: id) }
        let digest = digestOfTrade(trade, instrument: Int(resolved[position].instrument), line)
        identity.append("V1-")
        identity.appendHex(UInt64(truncatingIfNeeded: digest >> 64), digits: 16)
        identity.appendHex(UInt64(truncatingIfNeeded: digest), digits: 16)
    }

    /// Kraken v1: time, price, quantity, side and order type as they were sent, and the position among
    /// equal trades of the message.
    private mutating func digestOfTrade(_ trade: WireTrade, instrument: Int, _ line: Span<UInt8>) -> UInt128 {
        scratch.removeAll()
        scratch.append(line.part(trade.timeText))
        scratch.append("|")
        appendToScratch(trade.price, trade.priceText, line)
        appendToScratch(trade.quantity, trade.quantityText, line)
        scratch.append(trade.side.name)
        scratch.append("|")
        scratch.append(trade.condition.name)
        scratch.append("|")
        let equals = repeats[Digest.hash128(scratch.bytes, seed: UInt64(instrument)), default: 0]
        repeats[Digest.hash128(scratch.bytes, seed: UInt64(instrument))] = equals + 1
        scratch.append(decimal: equals)
        return Digest.hash128(scratch.bytes)
    }

    /// A decimal as it was sent; one that cannot be copied has no text and is printed.
    private mutating func appendToScratch(_ value: FixedDecimal, _ text: ByteRange, _ line: Span<UInt8>) {
        if text.isEmpty { scratch.append(value) } else { scratch.append(line.part(text)) }
        scratch.append("|")
    }

    private mutating func processGap(_ line: Span<UInt8>, into output: inout ByteWriter) {
        let gap: GapLine
        do throws(RecordError) { gap = try GapLine(document, text: line) } catch { return refuse("gap: \(error)") }
        stats.gapsPassed += 1
        if let instrument = catalog.find(symbol: gap.symbol, on: gap.exchange) {
            gaps.cover(gap.firstMissing...gap.lastMissing, instrument: instrument)
        }
        output.append(line)
        output.append("\n")
    }

    private mutating func writeGaps(into output: inout ByteWriter) {
        if gaps.reports.isEmpty { return }
        for report in gaps.reports {
            let instrument = catalog.instruments[report.instrument]
            let hole = report.hole
            let gap = GapLine(
                exchange: instrument.exchange, symbol: instrument.symbol, firstMissing: hole.first,
                lastMissing: hole.last, afterTime: hole.afterTime, beforeTime: hole.beforeTime,
                state: report.isFilled ? .filled : .open, cause: report.isFilled ? "late_trades" : "id_hole",
                detectedAt: hole.detectedAt)
            gap.write(to: &output)
            output.append("\n")
            if report.isFilled { stats.gapsFilled += 1 } else { stats.gapsFound += 1 }
        }
        gaps.removeReports()
    }
}
