import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

extension CandleState {
    /// What a state file held.
    struct Contents {
        var series: [Series] = []
        var earlyGaps: [CandleStage.EarlyGap] = []
        var digests: [UInt128] = []
        var output: OutputPosition?
    }

    /// Reads a state file. `intervals` are those of this run, ascending; the file must have the same.
    static func decode(_ bytes: [UInt8], intervals: [CandleInterval]) throws(CandleStateError) -> Contents {
        var decoder = Decoder(intervals: intervals)
        var start = 0
        while start < bytes.count {
            guard let end = bytes[start...].firstIndex(of: 0x0a) else { break }
            try decoder.readLine(Array(bytes[start..<end]))
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

        mutating func readLine(_ line: [UInt8]) throws(CandleStateError) {
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
            } else if key.equals("digest") {
                let parts = try unsigned("digest", text, count: 2)
                contents.digests.append(UInt128(parts[0]) << 64 | UInt128(parts[1]))
            } else if key.equals("end") {
                guard try unsigned("end", text, count: 1)[0] == UInt64(number - 1) else { throw refused("the number of lines") }
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
            guard try texts("kind", text) == [Array("ohlcv_state".utf8)] else { throw refused("a state file of k2-ohlcv") }
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
                exchange: try exchange(try texts("exchange", text)[0]),
                canonicalSymbol: try texts("canonical_symbol", text)[0], symbol: try texts("symbol", text)[0],
                intervals: intervals)
            series.newest = Timestamp(microseconds: try signed("newest", text, count: 1)[0])
            series.nextEnd = Timestamp(microseconds: try signed("next_end", text, count: 1)[0])
            for (index, time) in try signed("forgotten", text, count: intervals.count).enumerated() {
                series.windows[index].forgottenBefore = Timestamp(microseconds: time)
            }
            let seen = try unsigned("seen", text, count: -1)
            guard seen.count % 2 == 0 else { throw refused("pairs in seen") }
            var ranges: [ClosedRange<UInt64>] = []
            for index in stride(from: 0, to: seen.count, by: 2) {
                guard seen[index] <= seen[index + 1], ranges.last.map({ $0.upperBound < seen[index] }) ?? true else {
                    throw refused("rising ranges in seen")
                }
                ranges.append(seen[index]...seen[index + 1])
            }
            series.seen = SequenceSet(ranges: ranges, maxRanges: Series.maxSeenRanges)
            series.gaps = try readGaps(text)
            contents.series.append(series)
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
                first: UInt64(four[0]), last: UInt64(four[1]), afterTime: Timestamp(microseconds: four[2]),
                beforeTime: Timestamp(microseconds: four[3]))
        }

        private mutating func readEarlyGap(_ text: Span<UInt8>) throws(CandleStateError) {
            let parts = try texts("early_gap", text)
            guard parts.count == 6 else { throw refused("a gap") }
            contents.earlyGaps.append(
                CandleStage.EarlyGap(
                    exchange: try exchange(parts[0]), symbol: parts[1], gap: try gap(try member("early_gap", text), text)))
        }

        private mutating func readCandle(_ text: Span<UInt8>) throws(CandleStateError) {
            let number = try unsigned("candle", text, count: 1)[0]
            let name = try texts("interval", text)[0]
            guard number < UInt64(contents.series.count), let interval = CandleInterval(name.span),
                let position = intervals.firstIndex(of: interval)
            else { throw refused("a candle of a series and interval of this file") }
            let values = try texts("values", text).map { FixedDecimal(String(decoding: $0, as: UTF8.self)) }
            guard values.count == 7, !values.contains(where: { $0 == nil }) else { throw refused("seven decimals") }
            let open = try self.position("open", text)
            let close = try self.position("close", text)
            var candle = Candle(
                windowStart: Timestamp(microseconds: try signed("start", text, count: 1)[0]),
                trade: CandleTrade(
                    time: open.time, sequence: nil, tieBreak: 0, price: values[0]!, quantity: values[4]!,
                    quoteVolume: values[5]!, isBuy: false))
            candle.openAt = open
            candle.closeAt = close
            candle.highPrice = values[1]!
            candle.lowPrice = values[2]!
            candle.closePrice = values[3]!
            candle.buyVolume = values[6]!
            candle.tradeCount = try unsigned("count", text, count: 1)[0]
            if document.member(0, named: "first", in: text) != nil {
                candle.firstSequence = try unsigned("first", text, count: 1)[0]
            }
            if document.member(0, named: "last", in: text) != nil {
                candle.lastSequence = try unsigned("last", text, count: 1)[0]
            }
            candle.revision = UInt32(clamping: try unsigned("revision", text, count: 1)[0])
            candle.isFinal = try document.kind(member("final", text)) == .true
            candle.hasGap = try document.kind(member("gap", text)) == .true
            contents.series[Int(number)].windows[position].candles.append(candle)
        }

        private func position(_ name: StaticString, _ text: Span<UInt8>) throws(CandleStateError) -> TradePosition {
            let node = try member(name, text)
            guard document.kind(node) == .array, document.next(node) == node + 4,
                let time = Int64(String(decoding: bytes(node + 1, text), as: UTF8.self)),
                let sequence = UInt64(String(decoding: bytes(node + 2, text), as: UTF8.self)),
                let tie = UInt64(String(decoding: bytes(node + 3, text), as: UTF8.self))
            else { throw refused("time, sequence and tie of \(name)") }
            return TradePosition(time: Timestamp(microseconds: time), sequence: sequence, tieBreak: tie)
        }
    }
}
