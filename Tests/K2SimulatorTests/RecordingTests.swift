import Foundation
import K2Bytes
import K2Domain
import Testing

@testable import K2Simulator

/// What every format must keep, read back with Foundation's JSON and compared with the truth.
@Suite struct RecordingTests {
    private static func plan(
        _ format: WireFormat, _ trades: Int = 1_500, seed: UInt64 = 1, faults: Faults = [], firstID: Int64? = nil, rate: Int = 60
    ) throws -> RecordingPlan {
        try RecordingPlan(
            format: format, trades: trades, seed: seed, firstID: firstID, rate: rate, faults: faults, wantsTruth: true)
    }

    private static func bytes(_ plan: RecordingPlan) -> [UInt8] {
        var recording = Recording(plan)
        var bytes: [UInt8] = []
        while recording.next() { recording.records.withUnsafeBufferPointer { bytes.append(contentsOf: $0) } }
        return bytes
    }

    @Test(arguments: WireFormat.allCases)
    func equalPlansGiveEqualBytes(_ format: WireFormat) throws {
        let all: Faults = [.duplicates, .reorder, .gap, .late]
        let first = Self.bytes(try Self.plan(format, faults: all))
        #expect(first == Self.bytes(try Self.plan(format, faults: all)))
        #expect(first != Self.bytes(try Self.plan(format, seed: 2, faults: all)))
    }

    @Test(arguments: WireFormat.allCases, [1, 7, 25, 1_500])
    func sendsExactlyTheDistinctTradesItPromises(_ format: WireFormat, _ count: Int) throws {
        let recording = try ReadRecording(try Self.plan(format, count))
        #expect(recording.sent.count == count)
        #expect(recording.trades.count == count)
        #expect(Set(recording.trades) == Set(recording.sent))
        #expect(recording.counts == RecordingCounts(trades: count))
        #expect(recording.holes.isEmpty)
    }

    @Test(arguments: WireFormat.allCases.filter { $0 != .krakenV1 })
    func idsAreContiguousForEachSymbol(_ format: WireFormat) throws {
        let recording = try ReadRecording(try Self.plan(format, firstID: 1_000))
        for (symbol, trades) in Dictionary(grouping: recording.trades, by: \.symbol) {
            #expect(trades.compactMap { Int($0.id) }.sorted() == Array(1_000..<(1_000 + trades.count)), "\(symbol)")
        }
    }

    @Test(arguments: WireFormat.allCases)
    func receiveTimesRiseAndMessagesAreCounted(_ format: WireFormat) throws {
        let recording = try ReadRecording(try Self.plan(format, faults: [.late, .duplicates, .reorder]))
        for (before, after) in zip(recording.records, recording.records.dropFirst()) {
            #expect(before.receivedAt < after.receivedAt)
            #expect(after.sequence == before.sequence + 1 && after.connection == before.connection)
            #expect(after.trades.allSatisfy { $0.time < after.receivedAt })
        }
        #expect(recording.records.first?.sequence == 1)
    }

    @Test(arguments: WireFormat.allCases.filter { $0 != .krakenV1 })
    func aGapLeavesOutExactlyTheIdsOfTheTruth(_ format: WireFormat) throws {
        let recording = try ReadRecording(try Self.plan(format, 4_000, faults: .gap))
        #expect(recording.trades.count == 4_000)
        #expect(Set(recording.trades) == Set(recording.sent))
        #expect(recording.holes.count == recording.counts.holes && recording.holes.count > 5)
        var missing: [String: Set<Int>] = [:]
        for hole in recording.holes { missing[hole.symbol, default: []].formUnion(hole.first...hole.last) }
        #expect(missing.values.map(\.count).reduce(0, +) == Int(recording.counts.missing))
        for (symbol, trades) in Dictionary(grouping: recording.trades, by: \.symbol) {
            let ids = Set(trades.compactMap { Int($0.id) })
            let low = try #require(ids.min()), high = try #require(ids.max())
            #expect(Set(low...high).subtracting(ids) == missing[symbol] ?? [], "\(symbol)")
        }
    }

    @Test(arguments: WireFormat.allCases)
    func duplicatesAreTheSameTradeAgain(_ format: WireFormat) throws {
        let recording = try ReadRecording(try Self.plan(format, faults: .duplicates))
        #expect(recording.counts.duplicates > 15)
        #expect(recording.trades.count == 1_500 + recording.counts.duplicates)
        if !format.isREST { #expect(recording.records.allSatisfy { Set($0.trades).count == $0.trades.count }) }
        #expect(Set(recording.trades) == Set(recording.sent))
        #expect(Set(recording.sent).count == 1_500)
    }

    @Test(arguments: WireFormat.allCases.filter { !$0.isREST })
    func lateTradesArriveMoreThanASecondLate(_ format: WireFormat) throws {
        let recording = try ReadRecording(try Self.plan(format, faults: .late))
        #expect(Set(recording.trades) == Set(recording.sent) && recording.trades.count == 1_500)
        let delays = recording.records.filter { $0.origin == "stream" }.flatMap { record in
            record.trades.map { record.receivedAt.microseconds - $0.time.microseconds }
        }
        #expect(delays.filter { $0 > 1_000_000 }.count == recording.counts.late)
        #expect(recording.counts.late > 10)
        #expect(delays.max() ?? 0 < 181_000_000 && delays.max() ?? 0 > 60_000_000)
    }

    @Test(arguments: WireFormat.allCases.filter { !$0.isREST })
    func reorderedMessagesStayNear(_ format: WireFormat) throws {
        let straight = try ReadRecording(try Self.plan(format)).records.filter { !$0.trades.isEmpty }
        let recording = try ReadRecording(try Self.plan(format, faults: .reorder))
        let mixed = recording.records.filter { !$0.trades.isEmpty }
        #expect(recording.counts.reordered > 1)
        #expect(Set(recording.trades) == Set(recording.sent) && recording.trades.count == 1_500)
        guard format != .coinbaseAdvanced else { return }  // there a batch may become several messages, at random
        let places = Dictionary(uniqueKeysWithValues: straight.enumerated().map { ($1.trades, $0) })
        let shifts = try mixed.enumerated().map { $0 - (try #require(places[$1.trades])) }
        // The last message may have had nothing to change places with.
        #expect((0...1).contains(recording.counts.reordered - shifts.filter { $0 > 0 }.count))
        #expect(shifts.allSatisfy { (-1...5).contains($0) })
    }

    @Test func allFormatsOfAnExchangeCarryTheSameTrades() throws {
        func identities(_ format: WireFormat) throws -> [String] {
            try ReadRecording(try Self.plan(format)).sent.map { "\($0.symbol) \($0.id) \($0.side)" }
        }
        #expect(try identities(.binanceCombined) == identities(.binanceREST))
        #expect(try identities(.binanceCombined) == identities(.binanceMicroseconds))
        #expect(try identities(.krakenV2) == identities(.krakenREST))
        #expect(try identities(.coinbaseAdvanced) == identities(.coinbaseAdvancedREST))
    }

    @Test func theRateIsThatOfTheTradeTimes() throws {
        for rate in [1, 60, 5_000] {
            let sent = try ReadRecording(try Self.plan(.binanceMicroseconds, 8_000, rate: rate)).sent
            let seconds = Double(try #require(sent.last).time.microseconds - sent[0].time.microseconds) / 1e6
            #expect(abs(8_000 / seconds / Double(rate) - 1) < 0.1, "rate \(rate)")
        }
    }

    @Test(arguments: WireFormat.allCases, [Timestamp(microseconds: 0), Timestamp(microseconds: 250_249_219_199_999_999)])
    func theFirstAndTheLastPossibleStartWork(_ format: WireFormat, _ start: Timestamp) throws {
        let plan = try RecordingPlan(format: format, trades: 300, start: start, faults: [.late, .duplicates], wantsTruth: true)
        let recording = try ReadRecording(plan)
        #expect(Set(recording.trades) == Set(recording.sent))
        #expect(recording.sent.allSatisfy { $0.time.microseconds >= start.microseconds / 1_000 * 1_000 })
    }

    @Test func idsUpTo2To62AreWritten() throws {
        let recording = try ReadRecording(try Self.plan(.binanceCombined, 10, firstID: 1 << 62))
        #expect(recording.trades.contains { $0.id == "4611686018427387904" })
    }

    @Test func aBinanceConnectionIsCutAfterADay() throws {
        let symbols = [WireSymbol(try Self.plan(.binanceCombined).instruments[0], format: .binanceCombined)]
        var session = BinanceTradeSession(symbols, format: .binanceCombined)
        var output = RecordWriter(exchange: .binance, seed: 1)
        session.open([], at: 0, to: &output)
        session.idle(until: 86_400_000_000 - 1, to: &output)
        #expect(output.bytes.array.filter { $0 == 0x0a }.count == 1)
        session.idle(until: 2 * 86_400_000_000, to: &output)
        let lines = output.bytes.bytes.text.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines[1].contains(#""message":{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":86400000}}}"#))
        #expect(lines[2].contains(#""sequence":1,"message":{"result":null,"id":1}}"#))
    }

    @Test func coinbaseAdvancedMessagesAreCountedAndNewestFirst() throws {
        let recording = try ReadRecording(try Self.plan(.coinbaseAdvanced))
        let numbers = recording.records.compactMap { ($0.message as? [String: Any])?["sequence_num"] as? Int }
        #expect(numbers == Array(0..<recording.records.count))
        #expect(recording.records[0].origin == "snapshot" && recording.records[1].control == "subscriptions")
        #expect(recording.records.contains { $0.control == "heartbeats" })
        let eventCounts = Set(recording.records.compactMap { (($0.message as? [String: Any])?["events"] as? [Any])?.count })
        #expect(eventCounts.count > 1, "some messages hold several events")
        for record in recording.records {
            for (_, trades) in Dictionary(grouping: record.trades, by: \.symbol) {
                let ids = trades.compactMap { Int($0.id) }
                #expect(ids == ids.sorted(by: >), "newest first")
            }
        }
        let texts = recording.trades.flatMap { [$0.price, $0.quantity] }
        #expect(texts.allSatisfy { !$0.contains(".") || !($0.hasSuffix("0") || $0.hasSuffix(".")) })
    }

    @Test func binanceDecimalsHaveEightPlaces() throws {
        for format in [WireFormat.binanceCombined, .binanceRaw, .binanceREST] {
            for trade in try ReadRecording(try Self.plan(format, 500)).trades {
                #expect(trade.price.wholeMatch(of: /[0-9]+\.[0-9]{8}/) != nil && trade.quantity.wholeMatch(of: /[0-9]+\.[0-9]{8}/) != nil)
            }
        }
    }

    @Test func krakenNumbersKeepTheirZeros() throws {
        let trades = try ReadRecording(try Self.plan(.krakenV2)).trades
        #expect(trades.allSatisfy { $0.quantity.wholeMatch(of: /[0-9]+\.[0-9]{8}/) != nil })
        #expect(trades.filter { $0.symbol == "BTCUSD" }.allSatisfy { $0.price.wholeMatch(of: /[0-9]+\.[0-9]/) != nil })
        #expect(trades.contains { $0.quantity.hasSuffix("0") } && trades.contains { $0.price.hasSuffix("0") })
    }

    @Test(arguments: [
        (WireFormat.binanceCombined, ["ack"]),
        (.krakenV2, ["heartbeat", "status", "subscribe"]),
        (.krakenV1, ["heartbeat", "subscriptionStatus", "systemStatus"]),
        (.coinbaseAdvanced, ["heartbeats", "subscriptions"]),
        (.coinbaseExchange, ["heartbeat", "subscriptions"]),
        (.krakenREST, []),
    ])
    func carriesTheControlMessagesOfARealSession(_ format: WireFormat, _ kinds: [String]) throws {
        let recording = try ReadRecording(try Self.plan(format, 200, rate: 2))
        #expect(Set(recording.records.compactMap(\.control)).sorted() == kinds)
    }

    /// Set `K2_TEST_RECORD=1` to write the files anew.
    @Test(arguments: WireFormat.allCases)
    func theFirstLinesAreThoseOfTheFixture(_ format: WireFormat) throws {
        let lines = String(decoding: Self.bytes(try Self.plan(format, 40)), as: UTF8.self).split(separator: "\n").prefix(16)
        let text = lines.joined(separator: "\n") + "\n"
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let file = folder.appending(path: "\(format.exchange.rawValue)-\(format.name).ndjson")
        if ProcessInfo.processInfo.environment["K2_TEST_RECORD"] == "1" { try Data(text.utf8).write(to: file) }
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
    }
}
