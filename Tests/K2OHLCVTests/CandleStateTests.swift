import K2Domain
import K2TestSupport
import Testing

@testable import K2OHLCV

@Suite struct CandleStateTests {
    private func lines(_ state: [UInt8]) -> [String] {
        String(decoding: state, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// The state with other lines, and a last line that fits them.
    private func sealed(_ lines: [String]) -> [UInt8] {
        let body = Array(lines.map { $0 + "\n" }.joined().utf8)
        let digest = Digest.hash128(body.span)
        let high = UInt64(truncatingIfNeeded: digest >> 64)
        return body + Array("{\"end\":\(lines.count),\"digest\":[\(high),\(UInt64(truncatingIfNeeded: digest))]}\n".utf8)
    }

    @Test func resumedStagePrintsWhatAnUninterruptedOneDoes() throws {
        var random = Seeded.start()
        for round in 0..<6 {
            let input = random.stream(300)
            let updates = round % 4 == 0
            var whole = CandleStage(keep: Int64(random.int(0...120)) * minute, updates: updates)
            let expected = input.map { whole.candles([$0]) }
            let cut = random.int(0...input.count)
            var first = CandleStage(keep: whole.fold.keep, updates: updates)
            _ = first.candles(input[..<cut])
            let state = CandleState.encode(first, output: nil)

            var next = try CandleStage(from: state, like: first)
            #expect(CandleState.encode(next, output: nil) == state, "seed \(random.seed)")
            #expect(next.candles(input[cut...]) == expected[cut...].flatMap { $0 }, "seed \(random.seed), cut at \(cut)")
            #expect(CandleState.encode(next, output: nil) == CandleState.encode(whole, output: nil), "seed \(random.seed)")

            var replayed = try CandleStage(from: state, like: first)
            for (index, line) in input.enumerated() {
                let printed = replayed.candles([line])
                #expect(printed == (index < cut ? [] : expected[index]), "seed \(random.seed), cut at \(cut), line \(index): \(line)")
                if printed != (index < cut ? [] : expected[index]) { return }
            }
            replayed.fold.closeAll()
            whole.fold.closeAll()
            #expect(replayed.takeLines() == whole.takeLines(), "seed \(random.seed)")
        }
    }

    @Test func positionOfTheOutputIsKept() throws {
        let stage = CandleStage()
        let position = OutputPosition(device: 66, inode: 4_611_686_018_427_387_904, offset: 123_456_789_012)
        let contents = try CandleState.decode(CandleState.encode(stage, output: position), intervals: stage.fold.intervals)
        #expect(contents.output == position)
        #expect(try CandleState.decode(CandleState.encode(stage, output: nil), intervals: stage.fold.intervals).output == nil)
    }

    @Test func otherIntervalsAreRefused() {
        let state = CandleState.encode(CandleStage([.oneMinute, .oneHour]), output: nil)
        let error = #expect(throws: CandleStateError.self) { try CandleState.decode(state, intervals: [.oneMinute, .oneDay]) }
        #expect(error?.description == "1: expected the intervals 1m,1d, found 1m,1h")
    }

    @Test func everyCutIsNoticed() {
        var random = Seeded.start()
        var stage = CandleStage([.oneMinute])
        _ = stage.candles(random.stream(15))
        let state = CandleState.encode(stage, output: nil)
        for count in Array(stride(from: 0, to: state.count, by: 5)) + Array((state.count - 80)..<state.count) {
            #expect(throws: CandleStateError.self, "seed \(random.seed), \(count) bytes") {
                try CandleState.decode(Array(state[..<count]), intervals: stage.fold.intervals)
            }
        }
    }

    @Test func everyChangedByteIsNoticed() {
        var random = Seeded.start()
        var stage = CandleStage([.oneMinute, .oneDay])
        _ = stage.candles(random.stream(30))
        let state = CandleState.encode(stage, output: nil)
        for _ in 0..<400 {
            var changed = state
            for _ in 0..<random.int(1...3) {
                let place = random.int(0...(state.count - 1))
                changed[place] = random.once(in: 2) ? UInt8(truncatingIfNeeded: random.next()) : random.pick(Array("0123456789-[]{}\",:\n".utf8))
            }
            if changed == state { continue }
            #expect(throws: CandleStateError.self, "seed \(random.seed)") {
                try CandleState.decode(changed, intervals: stage.fold.intervals)
            }
        }
    }

    /// As above, but with a fitting last line: what is read then may be anything that makes sense, and must run.
    @Test func changedLinesWithAFittingEndNeverTrap() {
        var random = Seeded.start()
        var stage = CandleStage([.oneMinute, .oneDay])
        let input = random.stream(60)
        _ = stage.candles(input)
        let original = lines(CandleState.encode(stage, output: OutputPosition(device: 1, inode: 2, offset: 3))).dropLast()
        let numbers = ["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "99999999999999999999", "1e9", "1.5"]
        let others = numbers + ["[]", "{}", "null", "true", "\"\"", "\"9\"", "[1,2,3,4]", "[[]]"]
        var accepted = 0
        for _ in 0..<600 {
            var changed = Array(original)
            let row = random.int(0...(changed.count - 1))
            switch random.int(0...5) {
            case 0: changed.remove(at: row)
            case 1: changed.insert(random.pick(changed), at: row)
            case 2: changed.swapAt(row, random.int(0...(changed.count - 1)))
            default: changed[row] = replaceOneValue(changed[row], with: random.pick(others), &random)
            }
            guard var next = try? CandleStage(from: sealed(changed), like: stage) else { continue }
            accepted += 1
            _ = next.candles(input[..<20])
            _ = next.candles([tradeLine(253_402_300_799 * second, id: 5)])
            next.fold.closeAll()
            _ = next.takeLines()
            _ = CandleState.encode(next, output: nil)
        }
        #expect(accepted > 20, "too few made sense to prove anything")
    }

    /// Replaces a number, string, array or literal somewhere in a line of JSON.
    private func replaceOneValue(_ line: String, with value: String, _ random: inout Seeded) -> String {
        let bytes = Array(line.utf8)
        let starts = bytes.indices.filter { $0 > 0 && ":[,".utf8.contains(bytes[$0 - 1]) && !"\"".utf8.contains(bytes[$0]) || $0 > 0 && bytes[$0 - 1] == UInt8(ascii: ":") }
        guard !starts.isEmpty else { return line }
        let start = random.pick(starts)
        var depth = 0
        var end = start
        while end < bytes.count {
            if bytes[end] == UInt8(ascii: "[") { depth += 1 }
            if bytes[end] == UInt8(ascii: "]") || bytes[end] == UInt8(ascii: "}") {
                if depth == 0 { break }
                depth -= 1
            }
            if bytes[end] == UInt8(ascii: ","), depth == 0 { break }
            end += 1
        }
        return String(decoding: bytes[..<start] + Array(value.utf8) + bytes[end...], as: UTF8.self)
    }

    @Test(arguments: [
        ("", "state ends too early: expected a last line that counts the others"),
        ("{\"kind\":\"trade\"}\n", "1: expected a state file of k2-ohlcv"),
        ("{\"kind\":\"ohlcv_state\",\"version\":2,\"intervals\":[\"1m\"]}\n", "1: expected state version 1"),
        ("[]\n", "1: expected an object"),
        ("{\"kind\":[],\"version\":1}\n", "1: expected a string in kind"),
    ])
    func otherFilesAreNamed(_ text: String, _ message: String) {
        let error = #expect(throws: CandleStateError.self) { try CandleState.decode(Array(text.utf8), intervals: [.oneMinute]) }
        #expect(error?.description == message)
    }

    @Test func listsForNamesAreRefused() throws {
        var stage = CandleStage([.oneMinute])
        _ = stage.candles([tradeLine(dayStart, id: 1)])
        let original = Array(lines(CandleState.encode(stage, output: nil)).dropLast())
        for (name, value) in [("exchange", "\"binance\""), ("canonical_symbol", "\"BTC/USDT\""), ("symbol", "\"BTCUSDT\""), ("interval", "\"1m\"")] {
            let changed = original.map { $0.hasPrefix("{\"kind") ? $0 : replace($0, "\"\(name)\":\(value)", with: "\"\(name)\":[]") }
            #expect(changed != original)
            let error = #expect(throws: CandleStateError.self) { try CandleState.decode(sealed(changed), intervals: [.oneMinute]) }
            #expect(error?.message == "expected a string in \(name)")
        }
    }

    private func replace(_ text: String, _ part: String, with other: String) -> String {
        guard let range = text.firstRange(of: part) else { return text }
        return text.replacingCharacters(range, other)
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<String.Index>, _ other: String) -> String { self[..<range.lowerBound] + other + self[range.upperBound...] }
}
