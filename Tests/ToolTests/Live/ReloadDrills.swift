import Foundation
import Glibc
import K2TestSupport
import Testing

/// SIGHUP: the symbols file is read again.
@Suite struct ReloadDrills {
    private static func file(_ exchange: String, _ symbols: [String]) -> [UInt8] {
        Array("instruments:\n  \(exchange):\n    symbols: [\(symbols.map { "\"\($0)\"" }.joined(separator: ", "))]\n".utf8)
    }

    static let names: [String: [String]] = [
        "binance": ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT"], "kraken": ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD"],
        "coinbase": ["BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD"],
    ]

    private static func plain(_ name: String) -> String { name.filter { $0 != "/" && $0 != "-" } }

    private func begin(_ exchange: String, trades: Int = 16_000) async throws -> (drill: LiveDrill, names: [String]) {
        let names = try #require(Self.names[exchange])
        var plan = LiveDrill.Plan(exchange: exchange, rate: "2000", trades: trades)
        plan.sim += ["--symbols", names.map(Self.plain).joined(separator: ",")]
        return (try await LiveDrill(plan), names)
    }

    private func reload(_ drill: LiveDrill, _ symbols: [String], until text: String) async throws {
        _ = try drill.folder.file("symbols.yaml", Self.file(drill.plan.exchange, symbols))
        let before = drill.errors.components(separatedBy: text).count
        drill.feed?.send(SIGHUP)
        try await Poll.until("\"\(text)\" on stderr: \(drill.errors)", within: 20) { drill.errors.components(separatedBy: text).count > before }
    }

    @Test(arguments: FaultDrills.exchanges) func `symbols come and go without a reconnect`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let (drill, names) = try await begin(exchange)
            // One goes, and one comes.
            drill.partly = [Self.plain(names[1]), Self.plain(names[3])]
            _ = try drill.folder.file("symbols.yaml", Self.file(exchange, Array(names[0...2])))
            try drill.start(["--symbols-file", "symbols.yaml"])
            try await drill.waitForTrades(3_000)
            try await reload(drill, [names[0], names[2], names[3]], until: "3 symbols: 1 new, 1 gone")
            try await Poll.until("the new symbol is captured", within: 20) { try drill.captured(Self.plain(names[3])) > 0 }
            try await Task.sleep(for: .seconds(1))
            let gone = try drill.captured(Self.plain(names[1]))
            try await drill.settle()
            #expect(try drill.stats().opened_connections == 1)
            #expect(try drill.captured(Self.plain(names[1])) == gone, "nothing more of a symbol that is gone")
            let comparison = try await drill.finish()
            #expect(comparison.ledger.count == 0)
        }
    }

    @Test(arguments: FaultDrills.exchanges) func `an unchanged file replaces the connection without a hole`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let (drill, names) = try await begin(exchange)
            _ = try drill.folder.file("symbols.yaml", Self.file(exchange, names))
            try drill.start(["--symbols-file", "symbols.yaml"])
            try await drill.waitForTrades(2_000)
            try await reload(drill, names, until: "new connection: asked for")
            try await Poll.until("the old connection is closed", within: 20) {
                let stats = try drill.stats()
                return stats.opened_connections == 2 && stats.connections == 1
            }
            try await drill.settle()
            let comparison = try await drill.finish()
            #expect(comparison.ledger.count == 0 && comparison.lost == 0)
        }
    }

    @Test(arguments: FaultDrills.exchanges) func `a wrong name changes nothing`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let (drill, names) = try await begin(exchange, trades: 10_000)
            _ = try drill.folder.file("symbols.yaml", Self.file(exchange, names))
            try drill.start(["--symbols-file", "symbols.yaml"])
            try await drill.waitForTrades(2_000)
            try await reload(drill, names.dropLast() + ["NOSUCHCOIN"], until: "nothing is changed")
            let line = try #require(drill.errors.split(separator: "\n").first { $0.contains("nothing is changed") })
            #expect(line.contains("symbols.yaml") && line.contains("\"NOSUCHCOIN\""), "\(line)")
            try await reload(drill, ["]"], until: "nothing is changed")
            try await drill.settle()
            #expect(try drill.stats().opened_connections == 1)
            let comparison = try await drill.finish()
            #expect(comparison.ledger.count == 0)
        }
    }
}
