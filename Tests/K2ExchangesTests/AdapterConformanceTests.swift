import Foundation
import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON
import Testing

/// One recorded or made-up message of an exchange and what has to come of it.
///
/// `NAME.in.json` is the message, `NAME.request` path and query where it is a REST page. Expected are
/// `NAME.out.ndjson` (its trade records), `NAME.none` (a message that yields no trade, and its type) and
/// `NAME.refused` (the reasons, one a line). `K2_TEST_RECORD=1` writes the expectations anew: read them before committing.
struct MessageFixture: CustomTestStringConvertible, Sendable {
    var exchange: Exchange
    var name: String

    var testDescription: String { "\(exchange.rawValue)/\(name)" }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

    static func names(_ exchange: Exchange) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(exchange.rawValue).path)) ?? []
        return files.filter { $0.hasSuffix(".in.json") }.map { String($0.dropLast(8)) }.sorted()
    }

    static let all = Exchange.allCases.flatMap { exchange in names(exchange).map { MessageFixture(exchange: exchange, name: $0) } }

    func path(_ suffix: String) -> URL { Self.folder.appendingPathComponent("\(exchange.rawValue)/\(name).\(suffix)") }

    /// The file's lines; nil when there is none.
    func lines(_ suffix: String) -> [String]? {
        (try? String(contentsOf: path(suffix), encoding: .utf8)).map { $0.split(separator: "\n").map(String.init) }
    }

    func envelope(receivedAt: String = "2026-10-01T00:00:00.000000Z") throws -> [UInt8] {
        let message = try #require(lines("in.json")?.first)
        return NormalizedMessage.envelope(message, exchange: exchange, request: lines("request")?.first, receivedAt: receivedAt)
    }

    func record(_ result: NormalizedMessage) throws {
        func write(_ lines: [String]?, _ suffix: String) throws {
            try? FileManager.default.removeItem(at: path(suffix))
            guard let lines else { return }
            try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: path(suffix))
        }
        try write(result.nothing == nil ? result.records : nil, "out.ndjson")
        try write(result.nothing.map { [$0] }, "none")
        try write(result.nothing == nil && !result.refusals.isEmpty ? result.refusals : nil, "refused")
    }
}

@Suite struct AdapterConformanceTests {
    /// What every exchange's folder must show, unless its SOURCE.md says why there is no such message.
    static let required = ["trade", "snapshot", "heartbeat", "subscribe-ack", "error", "extra-field", "decimal-tiny", "decimal-huge"]

    @Test(arguments: Exchange.allCases)
    func everyExchangeHasTheRequiredCases(exchange: Exchange) throws {
        let source = try String(contentsOf: MessageFixture.folder.appendingPathComponent("\(exchange.rawValue)/SOURCE.md"), encoding: .utf8)
        let names = Set(MessageFixture.names(exchange))
        for name in Self.required {
            #expect(names.contains(name) || source.contains("\nabsent: \(name) ("), "\(exchange.rawValue) lacks \(name)")
        }
    }

    @Test(arguments: MessageFixture.all)
    func givesWhatIsExpected(fixture: MessageFixture) throws {
        let result = NormalizedMessage(line: try fixture.envelope())
        if ProcessInfo.processInfo.environment["K2_TEST_RECORD"] != nil { return try fixture.record(result) }
        #expect(result.nothing == fixture.lines("none")?.first)
        #expect(result.records == fixture.lines("out.ndjson") ?? [])
        if result.nothing == nil {
            #expect(result.refusals == fixture.lines("refused") ?? [])
            #expect(FileManager.default.fileExists(atPath: fixture.path("out.ndjson").path))
        } else {
            #expect(result.records.isEmpty)
            #expect(result.refusals.isEmpty == result.nothing?.hasPrefix("control "))
        }
    }

    @Test(arguments: MessageFixture.all)
    func isTheSameOnEveryRun(fixture: MessageFixture) throws {
        let line = try fixture.envelope()
        #expect(NormalizedMessage(line: line, bronze: true) == NormalizedMessage(line: line, bronze: true))
    }

    @Test(arguments: MessageFixture.all)
    func theReceiveTimeChangesNothingElse(fixture: MessageFixture) throws {
        // Both are later than every trade but the one of the year 9999, and long before that.
        let (early, late) = ("2026-10-01T00:00:00.000000Z", "2027-03-04T05:06:07.000008Z")
        let first = NormalizedMessage(line: try fixture.envelope(receivedAt: early), bronze: true)
        var second = NormalizedMessage(line: try fixture.envelope(receivedAt: late), bronze: true)
        second.records = second.records.map { $0.replacingOccurrences(of: late, with: early) }
        // Only offsets into the line may differ, and both times have the same length.
        #expect(first == second)
    }

    @Test(arguments: MessageFixture.all)
    func recordsParseBack(fixture: MessageFixture) throws {
        for record in NormalizedMessage(line: try fixture.envelope(), bronze: true).records {
            let object = try #require(JSONSerialization.jsonObject(with: Data(record.utf8)) as? [String: Any], "\(record)")
            let price = try #require((object["price"] as? String).flatMap { FixedDecimal($0) }, "\(record)")
            let quantity = try #require((object["quantity"] as? String).flatMap { FixedDecimal($0) }, "\(record)")
            let volume = try #require((object["quote_volume"] as? String).flatMap { FixedDecimal($0) }, "\(record)")
            #expect(price.multiplied(by: quantity) == volume)
            #expect(["BUY", "SELL"].contains(object["side"] as? String))
            if object["kind"] as? String == "trade" {
                #expect((object["timestamp"] as? String).flatMap { Timestamp($0) } != nil)
                #expect((object["vendor_data"] as? [String: Any] ?? [:]).values.allSatisfy { $0 is String })
                #expect((object["is_valid"] as? Bool) != nil)
                #expect((object["trade_id"] as? String)?.hasPrefix("\(fixture.exchange.prefix)-") == true)
            } else {
                #expect(object["kind"] as? String == "bronze")
                // The payload is a part of the message, to the byte.
                let start = try #require(record.range(of: "\"payload\":"))
                let payload = record[start.upperBound...].dropLast()
                #expect(try #require(fixture.lines("in.json")?.first).contains(payload))
            }
        }
    }

    /// A bare adapter: what it reads must lie inside the line, and damage must never trap.
    @Test(arguments: MessageFixture.all)
    func damagedMessagesAreRefusedWithoutTraps(fixture: MessageFixture) throws {
        let line = try fixture.envelope()
        for index in stride(from: 100, to: line.count, by: 3) {
            var damaged = line
            damaged[index] = [UInt8(ascii: "9"), UInt8(ascii: "\""), UInt8(ascii: "-"), UInt8(ascii: "}")][index % 4]
            _ = NormalizedMessage(line: damaged, bronze: true)
        }
    }
}
