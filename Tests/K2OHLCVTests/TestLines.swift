import K2Bytes
import K2Domain
import K2NDJSON
import K2TestSupport

@testable import K2OHLCV

/// A `trade` record as the normalizer writes it, with only what is read here.
func tradeLine(
    _ time: Int64, id: UInt64?, text tradeID: String? = nil, exchange: String = "binance", symbol: String = "BTCUSDT",
    canonical: String = "BTC/USDT", price: String = "100", quantity: String = "1", quoteVolume: String? = nil, side: String = "BUY",
    valid: Bool = true
) -> String {
    let sequence = id.map { ",\"source_sequence\":\($0)" } ?? ""
    let name = tradeID ?? "\(exchange.uppercased())-\(id ?? 0)"
    let product = quoteVolume ?? FixedDecimal(price)!.multiplied(by: FixedDecimal(quantity)!)!.description
    return #"{"kind":"trade","message_id":"00000000-0000-8000-8000-000000000000","trade_id":"\#(name)","exchange":"\#(exchange)","symbol":"\#(symbol)","#
        + #""canonical_symbol":"\#(canonical)","asset_class":"crypto","currency":"USDT","price":"\#(price)","quantity":"\#(quantity)","#
        + #""quote_volume":"\#(product)","side":"\#(side)","timestamp":"\#(Timestamp(microseconds: time))","#
        + #""ingestion_timestamp":"\#(Timestamp(microseconds: time))"\#(sequence),"origin":"stream","is_valid":\#(valid)}"#
}

func gapLine(
    _ ids: ClosedRange<UInt64>, _ state: String, after: Int64? = nil, before: Int64? = nil, exchange: String = "binance", symbol: String = "BTCUSDT"
) -> String {
    let times = [("after_time", after), ("before_time", before)].compactMap { name, time in
        time.map { ",\"\(name)\":\"\(Timestamp(microseconds: $0))\"" }
    }
    return #"{"kind":"gap","exchange":"\#(exchange)","symbol":"\#(symbol)","first_missing":\#(ids.lowerBound),"last_missing":\#(ids.upperBound)"#
        + times.joined() + #","state":"\#(state)","detected_at":"\#(Timestamp(microseconds: dayStart))"}"#
}

extension CandleStage {
    init(
        _ intervals: [CandleInterval] = CandleInterval.allCases, lateness: Int64 = 10 * second, keep: Int64 = 2 * hour,
        updates: Bool = false
    ) {
        self.init(fold: CandleFold(intervals: intervals, lateness: lateness, keep: keep, emitsUpdates: updates))
    }

    /// A stage that continues from a state file.
    init(from state: [UInt8], like other: borrowing CandleStage) throws {
        let contents = try CandleState.decode(state, intervals: other.fold.intervals)
        var fold = CandleFold(
            intervals: other.fold.intervals, lateness: other.fold.lateness, keep: other.fold.keep, emitsUpdates: other.fold.emitsUpdates)
        fold.series = contents.series
        self.init(fold: fold)
        earlyGaps = contents.earlyGaps
        for entry in contents.unnumbered { _ = unnumbered.insert(entry) }
    }

    /// Processes lines and returns the candle records that they cause.
    mutating func candles(_ lines: some Sequence<String>) -> [String] {
        for line in lines { process(Array(line.utf8).span) }
        return takeLines()
    }

    mutating func takeLines() -> [String] {
        var lines: [String] = []
        for event in fold.events {
            let series = fold.series[event.series]
            var writer = ByteWriter()
            CandleLine.write(
                event.candle, exchange: series.exchange, canonicalSymbol: series.canonicalSymbol, interval: event.interval, to: &writer)
            lines.append(String(decoding: writer.array, as: UTF8.self))
        }
        fold.events.removeAll()
        return lines
    }

    mutating func refusal(of line: String) -> String? {
        process(Array(line.utf8).span)
        return refusal
    }
}

extension Seeded {
    /// Trades of several exchanges and symbols with and without ids, late ones, duplicates, and gap records of all states.
    mutating func stream(_ count: Int) -> [String] {
        let symbols = [
            ("binance", "BTCUSDT", "BTC/USDT"), ("binance", "ETHUSDT", "ETH/USDT"), ("kraken", "BTCUSD", "BTC/USD"), ("coinbase", "BTCUSD", "BTC/USD"),
        ]
        var time = dayStart + Int64(int(0...86_400)) * second
        var next: [UInt64] = [1_000, 2_000, 0, 9_007_199_254_740_990]
        var holes: [(Int, ClosedRange<UInt64>)] = []
        var lines: [String] = []
        while lines.count < count {
            time += once(in: 40) ? Int64(int(0...3_600)) * second : Int64(int(0...6_000_000))
            let number = int(0...3)
            let (exchange, symbol, canonical) = symbols[number]
            if number != 2, once(in: 15) {
                let ids = next[number]...(next[number] + UInt64(int(0...5)))
                next[number] = ids.upperBound + 1
                holes.append((number, ids))
                lines.append(gapLine(ids, pick(["open", "lost"]), after: time - second, before: time + second, exchange: exchange, symbol: symbol))
            } else if !holes.isEmpty, once(in: 15) {
                let (number, ids) = pick(holes)
                let part = once(in: 2) ? ids : ids.lowerBound...(ids.lowerBound + UInt64(int(0...Int(ids.count - 1))))
                lines.append(gapLine(part, pick(["filled", "empty"]), after: time, exchange: symbols[number].0, symbol: symbols[number].1))
            } else if !lines.isEmpty, once(in: 12) {
                lines.append(pick(lines))
            } else {
                let at = once(in: 6) ? time - Int64(int(0...7_200)) * second : time
                let id: UInt64? = number == 2 && once(in: 2) ? nil : next[number]
                next[number] += 1
                lines.append(
                    tradeLine(
                        at, id: id, text: id == nil ? "KRAKEN-V1-\(self.next())" : nil, exchange: exchange, symbol: symbol, canonical: canonical,
                        price: "\(int(1...99_999)).\(digits(int(1...6)))", quantity: "0.\(digits(int(1...7)))1", side: pick(["BUY", "SELL", "UNKNOWN"]),
                        valid: !once(in: 30)))
            }
        }
        return lines
    }
}
