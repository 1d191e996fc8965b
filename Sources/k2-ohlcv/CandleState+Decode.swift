import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

extension CandleState {
    /// What a state file held.
    struct Contents {
        var series: [Series] = []
        var earlyGaps: [CandleStage.EarlyGap] = []
        var unnumbered: [UnnumberedTrades.Entry] = []
        var output: OutputPosition?
    }

    /// Reads a state file. `intervals` are those of this run, ascending; the file must have the same.
    static func decode(_ bytes: [UInt8], intervals: [CandleInterval]) throws(CandleStateError) -> Contents {
        var decoder = Decoder(intervals: intervals)
        var start = 0
        while start < bytes.count {
            guard let end = bytes[start...].firstIndex(of: 0x0a) else { break }
            try decoder.readLine(Array(bytes[start..<end]), after: bytes.span.extracting(..<start))
            start = end + 1
        }
        guard decoder.isComplete else {
            throw CandleStateError(line: 0, message: "state ends too early: expected a last line that counts the others")
        }
        return decoder.contents
    }

    private struct Decoder: ~Copyable {
        let intervals: [CandleInterval]
        var contents = Contents()
        var isComplete = false
        private var number = 0
        private var document = JSONDocument()

        init(intervals: [CandleInterval]) { self.intervals = intervals }

        mutating func readLine(_ line: [UInt8], after previous: Span<UInt8>) throws(CandleStateError) {
            number += 1
            guard !isComplete else { throw refused("nothing after the last line") }
            let text = line.span
            do throws(JSONError) { try document.parse(text) } catch {
                throw CandleStateError(line: number, message: error.description)
            }
            guard document.kind(0) == .object, document.next(0) > 1 else { throw refused("an object") }
            let key = text.part(document.range(1))
            if number == 1 {
                try readHeader(text)
            } else if key.equals("series") {
                try readSeries(text)
            } else if key.equals("candle") {
                try readCandle(text)
            } else if key.equals("early_gap") {
                try readEarlyGap(text)
            } else if key.equals("unnumbered"), !contents.series.isEmpty {
                let series = try bounded("unnumbered", text, atMost: UInt64(contents.series.count) - 1)
                contents.unnumbered.append(
                    UnnumberedTrades.Entry(
                        digest: try digest(text), series: Int(series), time: try time(try signed("time", text, count: 1)[0])))
            } else if key.equals("end") {
                guard try unsigned("end", text, count: 1)[0] == UInt64(number - 1) else { throw refused("the number of lines") }
                guard try digest(text) == Digest.hash128(previous) else { throw refused("the digest of the lines before: they were changed") }
                isComplete = true
            } else {
                throw refused("a line of a state file")
            }
        }

        private func refused(_ expected: String) -> CandleStateError {
            CandleStateError(line: number, message: "expected \(expected)")
        }

        private func member(_ name: StaticString, _ text: Span<UInt8>) throws(CandleStateError) -> Int {
            guard let node = document.member(0, named: name, in: text) else { throw refused("\(name)") }
            return node
        }

        /// The scalars of a member: itself, or those of its array.
        private func texts(_ name: StaticString, _ text: Span<UInt8>) throws(CandleStateError) -> [[UInt8]] {
            let node = try member(name, text)
            guard document.kind(node) == .array else { return [bytes(node, text)] }
            var values: [[UInt8]] = []
            var element = node + 1
            while element < document.next(node) {
                values.append(bytes(element, text))
                element = document.next(element)
            }
            return values
        }

        private func bytes(_ node: Int, _ text: Span<UInt8>) -> [UInt8] {
            text.part(document.range(node)).withUnsafeBufferPointer { Array($0) }
        }

        private func unsigned(
            _ name: StaticString, _ text: Span<UInt8>, count: Int
        ) throws(CandleStateError) -> [UInt64] {
            let values = try texts(name, text).map { UInt64(String(decoding: $0, as: UTF8.self)) }
            guard values.count == count || count < 0, !values.contains(nil) else { throw refused("numbers in \(name)") }
            return values.map { $0! }
        }

        private func digest(_ text: Span<UInt8>) throws(CandleStateError) -> UInt128 {
            let halves = try unsigned("digest", text, count: 2)
            return UInt128(halves[0]) << 64 | UInt128(halves[1])
        }

        private func string(_ name: StaticString, _ text: Span<UInt8>) throws(CandleStateError) -> [UInt8] {
            let node = try member(name, text)
            guard document.kind(node) == .string else { throw refused("a string in \(name)") }
            return bytes(node, text)
        }

        private func time(_ microseconds: Int64, orElse none: Int64? = nil) throws(CandleStateError) -> Timestamp {
            guard CandleState.times.contains(microseconds) || microseconds == none else { throw refused("a time") }
            return Timestamp(microseconds: microseconds)
        }

        private func signed(_ name: StaticString, _ text: Span<UInt8>, count: Int) throws(CandleStateError) -> [Int64] {
            let values = try texts(name, text).map { Int64(String(decoding: $0, as: UTF8.self)) }
            guard values.count == count, !values.contains(nil) else { throw refused("numbers in \(name)") }
            return values.map { $0! }
        }

        private func exchange(_ name: [UInt8]) throws(CandleStateError) -> Exchange {
            guard let exchange = Exchange(name.span) else { throw refused("an exchange") }
            return exchange
        }

        private mutating func readHeader(_ text: Span<UInt8>) throws(CandleStateError) {
            guard try string("kind", text) == Array("ohlcv_state".utf8) else { throw refused("a state file of k2-ohlcv") }
            guard try unsigned("version", text, count: 1)[0] == UInt64(CandleState.version) else {
                throw refused("state version \(CandleState.version)")
            }
            let names = try texts("intervals", text).map { String(decoding: $0, as: UTF8.self) }
            guard names == intervals.map(\.rawValue) else {
                throw refused("the intervals \(intervals.map(\.rawValue).joined(separator: ",")), found \(names.joined(separator: ","))")
            }
            if document.member(0, named: "output", in: text) != nil {
                let parts = try unsigned("output", text, count: 3)
                contents.output = OutputPosition(device: parts[0], inode: parts[1], offset: Int64(clamping: parts[2]))
            }
        }

        private mutating func readSeries(_ text: Span<UInt8>) throws(CandleStateError) {
            var series = Series(
                exchange: try exchange(try string("exchange", text)),
                canonicalSymbol: try string("canonical_symbol", text), symbol: try string("symbol", text),
                intervals: intervals)
            series.newest = try time(try signed("newest", text, count: 1)[0], orElse: .min)
            series.unsureUntil = try time(try signed("unsure", text, count: 1)[0], orElse: .min)
            series.nextEnd = try time(try signed("next_end", text, count: 1)[0], orElse: .max)
            for (index, start) in try signed("forgotten", text, count: intervals.count).enumerated() {
                series.windows[index].forgottenBefore = try time(start, orElse: .min)
            }
            series.seen = try sequences("seen", text)
            series.closedGaps = try sequences("closed", text)
            series.gaps = try readGaps(text)
            contents.series.append(series)
        }

        private func sequences(_ name: StaticString, _ text: Span<UInt8>) throws(CandleStateError) -> SequenceSet {
            let ends = try unsigned(name, text, count: -1)
            guard ends.count % 2 == 0 else { throw refused("pairs in \(name)") }
            var ranges: [ClosedRange<UInt64>] = []
            for index in stride(from: 0, to: ends.count, by: 2) {
                guard ends[index] <= ends[index + 1], ranges.last.map({ $0.upperBound < ends[index] }) ?? true else {
                    throw refused("rising ranges in \(name)")
                }
                ranges.append(ends[index]...ends[index + 1])
            }
            return SequenceSet(ranges: ranges, maxRanges: Series.maxSeenRanges)
        }

        private func readGaps(_ text: Span<UInt8>) throws(CandleStateError) -> [KnownGap] {
            let list = try member("gaps", text)
            var gaps: [KnownGap] = []
            var element = list + 1
            while element < document.next(list) {
                gaps.append(try gap(element, text))
                element = document.next(element)
            }
            return gaps
        }

        /// The last four of the elements of an array.
        private func gap(_ array: Int, _ text: Span<UInt8>) throws(CandleStateError) -> KnownGap {
            var numbers: [Int64] = []
            var element = array + 1
            while element < document.next(array) {
                if let value = Int64(String(decoding: bytes(element, text), as: UTF8.self)) { numbers.append(value) }
                element = document.next(element)
            }
            guard numbers.count >= 4, case let four = Array(numbers.suffix(4)), four[0] >= 0, four[1] >= four[0] else {
                throw refused("a gap")
            }
            return KnownGap(
                ids: UInt64(four[0])...UInt64(four[1]), afterTime: try time(four[2]), beforeTime: try time(four[3]))
        }

        private mutating func readEarlyGap(_ text: Span<UInt8>) throws(CandleStateError) {
            let parts = try texts("early_gap", text)
            guard parts.count == 6 else { throw refused("a gap") }
            contents.earlyGaps.append(
                CandleStage.EarlyGap(
                    exchange: try exchange(parts[0]), symbol: parts[1], gap: try gap(try member("early_gap", text), text),
                    isClosed: try document.kind(member("closed", text)) == .true))
        }

        private mutating func readCandle(_ text: Span<UInt8>) throws(CandleStateError) {
            let number = try unsigned("candle", text, count: 1)[0]
            let name = try string("interval", text)
            guard number < UInt64(contents.series.count), let interval = CandleInterval(name.span),
                let position = intervals.firstIndex(of: interval)
            else { throw refused("a candle of a series and interval of this file") }
            let values = try texts("values", text).map { FixedDecimal(String(decoding: $0, as: UTF8.self)) }
            guard values.count == 7, !values.contains(where: { $0 == nil }) else { throw refused("seven decimals") }
            let open = try self.position("open", text)
            let close = try self.position("close", text)
            var candle = Candle(
                windowStart: try windowStart(interval, after: contents.series[Int(number)].windows[position], text),
                trade: CandleTrade(
                    time: open.time, sequence: nil, tieBreak: 0, price: values[0]!, quantity: values[4]!,
                    quoteVolume: values[5]!, isBuy: false))
            candle.openAt = open
            candle.closeAt = close
            candle.highPrice = values[1]!
            candle.lowPrice = values[2]!
            candle.closePrice = values[3]!
            candle.buyVolume = values[6]!
            candle.tradeCount = try bounded("count", text, atMost: UInt64(Int64.max))
            if document.member(0, named: "first", in: text) != nil {
                candle.firstSequence = try unsigned("first", text, count: 1)[0]
            }
            if document.member(0, named: "last", in: text) != nil {
                candle.lastSequence = try unsigned("last", text, count: 1)[0]
            }
            candle.revision = UInt32(try bounded("revision", text, atMost: UInt64(Int32.max)))
            candle.isFinal = try document.kind(member("final", text)) == .true
            candle.hasGap = try document.kind(member("gap", text)) == .true
            contents.series[Int(number)].windows[position].candles.append(candle)
        }

        private func bounded(_ name: StaticString, _ text: Span<UInt8>, atMost limit: UInt64) throws(CandleStateError) -> UInt64 {
            let value = try unsigned(name, text, count: 1)[0]
            guard value <= limit else { throw refused("a smaller number in \(name)") }
            return value
        }

        /// Windows stand in the file by time, and start at whole multiples of their interval.
        private func windowStart(
            _ interval: CandleInterval, after list: WindowList, _ text: Span<UInt8>
        ) throws(CandleStateError) -> Timestamp {
            let start = try time(try signed("start", text, count: 1)[0])
            guard start.floor(to: interval.width) == start, list.candles.last.map({ $0.windowStart < start }) ?? true else {
                throw refused("rising starts of windows")
            }
            return start
        }

        private func position(_ name: StaticString, _ text: Span<UInt8>) throws(CandleStateError) -> TradePosition {
            let node = try member(name, text)
            guard document.kind(node) == .array, document.next(node) == node + 4,
                let time = Int64(String(decoding: bytes(node + 1, text), as: UTF8.self)),
                let sequence = UInt64(String(decoding: bytes(node + 2, text), as: UTF8.self)),
                let tie = UInt64(String(decoding: bytes(node + 3, text), as: UTF8.self))
            else { throw refused("time, sequence and tie of \(name)") }
            return TradePosition(time: try self.time(time), sequence: sequence, tieBreak: tie)
        }
    }
}
