import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

/// Why a state file was refused.
struct CandleStateError: Error, CustomStringConvertible {
    /// 1-based; 0 for the file as a whole.
    var line: Int
    var message: String
    var description: String { line > 0 ? "\(line): \(message)" : message }
}

/// The saved form of a running fold: NDJSON, so that it can be looked at.
///
/// First a header, then a line per series and per candle, the trades without ids, and a
/// last line with their number and a digest of their bytes: a file that was cut or changed is
/// recognised. Times are microseconds.
enum CandleState {
    static let version = 1
    /// The years 0001 to 9999 and some more.
    static let times: ClosedRange<Int64> = -70_000_000_000_000_000...260_000_000_000_000_000

    static func encode(_ stage: borrowing CandleStage, output position: OutputPosition?) -> [UInt8] {
        var writer = ByteWriter(capacity: 1 << 16)
        var lines = 1
        writer.append("{\"kind\":\"ohlcv_state\",\"version\":1,\"intervals\":[")
        for (index, interval) in stage.fold.intervals.enumerated() {
            writer.append(index == 0 ? "\"" : ",\"")
            writer.append(interval.name)
            writer.append("\"")
        }
        writer.append("]")
        if let position {
            writer.append(string: ",\"output\":[\(position.device),\(position.inode),\(position.offset)]")
        }
        writer.append("}\n")
        for index in stage.fold.series.indices {
            encode(stage.fold.series[index], number: index, to: &writer)
            lines += 1
            for windows in stage.fold.series[index].windows {
                for candle in windows.candles {
                    encode(candle, series: index, windows.interval, to: &writer)
                    lines += 1
                }
            }
        }
        for early in stage.earlyGaps {
            writer.append("{\"early_gap\":[\"")
            writer.append(early.exchange.name)
            writer.append("\",\"")
            writer.append(early.symbol)
            writer.append("\"")
            appendGap(early.gap, to: &writer)
            writer.append(early.isClosed ? "],\"closed\":true}\n" : "],\"closed\":false}\n")
            lines += 1
        }
        for entry in stage.unnumbered.entries {
            let (high, low) = halves(entry.digest)
            writer.append(string: "{\"unnumbered\":\(entry.series),\"digest\":[\(high),\(low)],\"time\":\(entry.time.microseconds)}\n")
            lines += 1
        }
        let digest = halves(Digest.hash128(writer.bytes))
        writer.append(string: "{\"end\":\(lines),\"digest\":[\(digest.high),\(digest.low)]}\n")
        return writer.array
    }

    private static func encode(_ series: Series, number: Int, to writer: inout ByteWriter) {
        writer.append(string: "{\"series\":\(number),\"exchange\":\"\(series.exchange.rawValue)\",\"canonical_symbol\":\"")
        writer.append(series.canonicalSymbol)
        writer.append("\",\"symbol\":\"")
        writer.append(series.symbol)
        writer.append(string: "\",\"newest\":\(series.newest.microseconds),\"unsure\":\(series.unsureUntil.microseconds),\"next_end\":\(series.nextEnd.microseconds)")
        writer.append(",\"forgotten\":[")
        writer.append(string: series.windows.map { "\($0.forgottenBefore.microseconds)" }.joined(separator: ","))
        writer.append("],\"seen\":[")
        append(series.seen, to: &writer)
        writer.append("],\"closed\":[")
        append(series.closedGaps, to: &writer)
        writer.append("],\"gaps\":[")
        for (index, gap) in series.gaps.enumerated() {
            writer.append(index == 0 ? "[0" : ",[0")
            appendGap(gap, to: &writer)
            writer.append("]")
        }
        writer.append("]}\n")
    }

    private static func halves(_ digest: UInt128) -> (high: UInt64, low: UInt64) {
        (UInt64(truncatingIfNeeded: digest >> 64), UInt64(truncatingIfNeeded: digest))
    }

    private static func append(_ set: SequenceSet, to writer: inout ByteWriter) {
        writer.append(string: set.ranges.map { "\($0.lowerBound),\($0.upperBound)" }.joined(separator: ","))
    }

    private static func appendGap(_ gap: KnownGap, to writer: inout ByteWriter) {
        writer.append(
            string: ",\(gap.ids.lowerBound),\(gap.ids.upperBound),\(gap.afterTime.microseconds),\(gap.beforeTime.microseconds)")
    }

    private static func encode(
        _ candle: Candle, series: Int, _ interval: CandleInterval, to writer: inout ByteWriter
    ) {
        writer.append(string: "{\"candle\":\(series),\"interval\":\"\(interval.rawValue)\",\"start\":\(candle.windowStart.microseconds)")
        writer.append(string: ",\"open\":[\(candle.openAt.time.microseconds),\(candle.openAt.sequence),\(candle.openAt.tieBreak)]")
        writer.append(string: ",\"close\":[\(candle.closeAt.time.microseconds),\(candle.closeAt.sequence),\(candle.closeAt.tieBreak)]")
        writer.append(",\"values\":[")
        let values = [
            candle.openPrice, candle.highPrice, candle.lowPrice, candle.closePrice, candle.volume, candle.quoteVolume,
            candle.buyVolume,
        ]
        for (index, value) in values.enumerated() {
            writer.append(index == 0 ? "\"" : ",\"")
            writer.append(value)
            writer.append("\"")
        }
        writer.append(string: "],\"count\":\(candle.tradeCount)")
        if let first = candle.firstSequence { writer.append(string: ",\"first\":\(first)") }
        if let last = candle.lastSequence { writer.append(string: ",\"last\":\(last)") }
        writer.append(string: ",\"revision\":\(candle.revision),\"final\":\(candle.isFinal),\"gap\":\(candle.hasGap)}\n")
    }
}
