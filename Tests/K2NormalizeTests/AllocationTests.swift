import CMallocCounter
import Foundation
import Glibc
import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON
import K2TestSupport
import Testing

@testable import K2Normalize

/// How many allocations `body` makes on this thread.
private func allocations(_ body: () throws -> Void) rethrows -> Int {
    malloc_counter_start()
    defer { _ = malloc_counter_stop() }
    try body()
    return Int(malloc_counter_stop())
}

private let isCounted: Bool = {
    var isDebug = false
    assert({ isDebug = true; return true }())
    return !isDebug && malloc_counter_works()
}()

/// The paths that every record takes allocate nothing. A count does not depend on the machine, as a time would.
@Suite(.enabled(if: isCounted, "allocations are counted in release builds on glibc"), .serialized)
struct AllocationTests {
    private static let records = 4_000

    @Test func theCounterCounts() {
        var kept: [[Int]] = []
        kept.reserveCapacity(100)
        let count = allocations { for number in 0..<100 { kept.append([number, number]) } }
        #expect(count == 100)
        #expect(kept.count == 100)
    }

    @Test func decimalsAndTimes() throws {
        let texts = ["76745.18000000", "0.00044780", "12345678901234567890.123456789", "1e-08"].map { Array($0.utf8) }
        let time = Array("2026-02-18T00:00:00.023596Z".utf8)
        var writer = ByteWriter(capacity: 4_096)
        var sum: Int64 = 0
        let count = try allocations {
            for _ in 0..<Self.records {
                writer.removeAll()
                for text in texts { writer.append(try FixedDecimal(text.span)) }
                let parsed = try Timestamp(rfc3339: time.span)
                writer.append(parsed)
                sum &+= parsed.microseconds &+ Int64(writer.count)
            }
        }
        #expect(count == 0)
        #expect(sum != 0)
    }

    @Test func documents() throws {
        var document = JSONDocument()
        let line = Array(RawText.binance(1).utf8)
        try document.parse(line.span)
        let count = try allocations { for _ in 0..<Self.records { try document.parse(line.span) } }
        #expect(count == 0)
    }

    @Test func lineReader() throws {
        let folder = try TestFolder()
        let path = try folder.file("lines", Array((0..<(2 * Self.records)).map { RawText.binance(UInt64($0)) + "\n" }.joined().utf8))
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var reader = LineReader(descriptor: descriptor, name: "lines")
        var writer = LineWriter(descriptor: -1, name: "none")
        for _ in 0..<Self.records { _ = try reader.next(flushing: &writer) }
        let count = try allocations { for _ in 0..<Self.records { _ = try reader.next(flushing: &writer) } }
        #expect(count == 0)
    }

    /// A message format: the line of the trade with number `index`.
    struct Format: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// What growing tables may allocate, per 1000 records.
        var allowed: Int
        var line: @Sendable (Int) -> String
    }

    // Ids are kept in pages of 512 whose tables double now and then; nothing else may allocate.
    static let formats = [
        Format(testDescription: "binance", allowed: 2) { RawText.binance(UInt64($0)) },
        Format(testDescription: "binance combined", allowed: 2) {
            RawText.raw(
                #"{"stream":"btcusdt@trade","data":{"e":"trade","E":1790812800001,"s":"BTCUSDT","t":\#($0),"p":"76745.18000000","q":"0.00065000","T":1790812800000,"m":true,"M":true}}"#,
                "binance")
        },
        Format(testDescription: "kraken v2", allowed: 2) {
            RawText.raw(
                #"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.00044780,"ord_type":"limit","trade_id":\#(2 * $0),"timestamp":"2026-09-25T17:48:26.844359Z"},{"symbol":"BTC/USD","side":"sell","price":83744.3,"qty":0.00044780,"ord_type":"market","trade_id":\#(2 * $0 + 1),"timestamp":"2026-09-25T17:48:26.844359Z"}]}"#,
                "kraken")
        },
        // The digests of trades without id stand in a set that doubles as well.
        Format(testDescription: "kraken v1", allowed: 2) {
            RawText.raw(#"[993,[["\#($0).04000000","0.28245396","1618678150.826417","s","m",""]],"trade","XMR/USD"]"#, "kraken")
        },
        Format(testDescription: "kraken rest", allowed: 2) {
            RawText.raw(#"{"error":[],"result":{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",\#($0)]],"last":"1688671969993150842"}}"#, "kraken")
        },
        Format(testDescription: "coinbase advanced", allowed: 2) {
            RawText.raw(
                #"{"channel":"market_trades","client_id":"","timestamp":"2026-09-30T02:39:59.551901038Z","sequence_num":1,"events":[{"type":"update","trades":[{"product_id":"ETH-USD","trade_id":"\#(2 * $0 + 1)","price":"2667.2","size":"0.84275842","time":"2026-09-30T02:39:59.4104Z","side":"SELL"},{"product_id":"ETH-USD","trade_id":"\#(2 * $0)","price":"2667.2","size":"0.84275842","time":"2026-09-30T02:39:59.4104Z","side":"SELL"}]}]}"#,
                "coinbase")
        },
        Format(testDescription: "coinbase exchange", allowed: 2) {
            RawText.raw(
                #"{"type":"match","trade_id":\#($0),"maker_order_id":"fe46feac-51bf-4cb7-8b03-074ecbcde74b","taker_order_id":"a2726f1c-99d4-4f1b-8643-57a987f804a9","side":"buy","size":"0.00000026","price":"83432.17","product_id":"BTC-USD","sequence":136999334834,"time":"2026-09-30T02:03:22.743248Z"}"#,
                "coinbase")
        },
        Format(testDescription: "duplicates", allowed: 0) { _ in RawText.binance(5) },
        Format(testDescription: "other kinds", allowed: 0) { _ in #"{"kind":"trade","message_id":"x"}"# },
    ]

    @Test(arguments: formats)
    func normalizer(format: Format) {
        var normalizer = Normalizer(catalog: .bundled(), writesBronze: true, gapPatience: 2_000_000)
        var output = ByteWriter(capacity: 1 << 16)
        let lines = (0..<(3 * Self.records)).map { Array(format.line($0).utf8) }
        for line in lines[..<(2 * Self.records)] {
            output.removeAll()
            normalizer.process(line.span, into: &output)
        }
        let count = allocations {
            for index in (2 * Self.records)..<lines.count {
                output.removeAll()
                let line = lines[index]
                normalizer.process(line.span, into: &output)
            }
        }
        #expect(normalizer.refusals.isEmpty)
        #expect(count <= format.allowed * Self.records / 1_000, "\(count) allocations for \(Self.records) records")
    }
}
