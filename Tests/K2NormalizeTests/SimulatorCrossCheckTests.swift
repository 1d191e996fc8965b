import Foundation
import K2TestSupport
import Testing

/// Recordings of the simulator, with everything that goes wrong on the way, against what it says is true.
@Suite struct SimulatorCrossCheckTests {
    struct Source: CustomTestStringConvertible, Sendable {
        var exchange: String
        var format: String
        var seed: Int
        var testDescription: String { "\(exchange) \(format) seed \(seed)" }
    }

    static let sources = [
        ("binance", ["combined", "raw", "us", "rest"]), ("kraken", ["v2", "v1", "rest"]), ("coinbase", ["advanced", "exchange", "rest", "rest-advanced"]),
    ].flatMap { exchange, formats in formats.flatMap { format in [1, 2, 77].map { Source(exchange: exchange, format: format, seed: $0) } } }

    private struct Identity: Hashable {
        var symbol: String
        var id: UInt64
    }

    private func objects(_ lines: some Sequence<Substring>) throws -> [[String: Any]] {
        try lines.map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)") }
    }

    private func identities(_ records: [[String: Any]]) throws -> Set<Identity> {
        Set(try records.flatMap { record in
            let symbol = try #require(record["symbol"] as? String)
            let first = try #require(record["first_missing"] as? NSNumber), last = try #require(record["last_missing"] as? NSNumber)
            return (first.uint64Value...last.uint64Value).map { Identity(symbol: symbol, id: $0) }
        })
    }

    @Test(arguments: sources)
    func everyTradeComesOutExactlyOnce(source: Source) throws {
        let folder = try TestFolder()
        let truthPath = try folder.file("truth.ndjson"), badPath = try folder.file("bad.ndjson")
        let recording = try ToolProcess.run("k2-sim", [
            "record", source.exchange, "--format", source.format, "--trades", "2000", "--seed", "\(source.seed)", "--faults",
            "duplicates,reorder,gap,late", "--truth", truthPath,
        ])
        #expect(recording.status == 0, "\(recording.stderr)")
        let result = try ToolProcess.run("k2-normalize", ["--dead-letter", badPath], stdin: recording.stdout)
        #expect(result.status == 0, "\(result.stderr)")
        #expect(try String(contentsOfFile: badPath, encoding: .utf8).isEmpty)

        let truth = try objects(String(contentsOfFile: truthPath, encoding: .utf8).split(separator: "\n"))
        let records = try objects(result.text.split(separator: "\n"))
        func row(_ record: [String: Any], id: String, time: String) -> String {
            "\(record["symbol"] ?? "") \(record[id] ?? "none") \(record["price"] ?? "") \(record["quantity"] ?? "") \(record["side"] ?? "") \(record[time] ?? "")"
        }
        let sent = truth.filter { $0["kind"] as? String == "sent" }.map { row($0, id: "id", time: "time") }
        let trades = records.filter { $0["kind"] as? String == "trade" }
        #expect(sent.count == 2_000)
        #expect(trades.map { row($0, id: "source_sequence", time: "timestamp") }.sorted() == sent.sorted())
        #expect(Set(trades.compactMap { $0["message_id"] as? String }).count == sent.count)
        #expect(trades.allSatisfy { $0["is_valid"] as? Bool == true && $0["exchange"] as? String == source.exchange })
        try checkGaps(records, truth: truth, first: trades)
    }

    /// Open minus filled is what never came.
    private func checkGaps(_ records: [[String: Any]], truth: [[String: Any]], first trades: [[String: Any]]) throws {
        let gaps = records.filter { $0["kind"] as? String == "gap" }
        let open = gaps.filter { $0["state"] as? String == "open" }, filled = gaps.filter { $0["state"] as? String == "filled" }
        #expect(open.count + filled.count == gaps.count)
        #expect(try identities(filled).isSubset(of: identities(open)))
        let missing = try identities(open).subtracting(identities(filled))
        let holes = try identities(truth.filter { $0["kind"] as? String == "hole" })
        // What lies before the first trade that arrived cannot be known to be missing.
        var firstArrived: [String: UInt64] = [:]
        for trade in trades {
            guard let symbol = trade["symbol"] as? String, let id = (trade["source_sequence"] as? NSNumber)?.uint64Value else { continue }
            if firstArrived[symbol] == nil { firstArrived[symbol] = id }
        }
        let knowable = holes.filter { $0.id > firstArrived[$0.symbol] ?? .max }
        #expect(knowable.isSubset(of: missing))
        // A hole of which a part came after its report stays open as a whole.
        let stillOpen = try open.map { try identities([$0]) }
        for extra in missing.subtracting(holes) {
            #expect(stillOpen.contains { $0.contains(extra) && !$0.isDisjoint(with: holes) }, "\(extra) had come")
        }
    }
}
