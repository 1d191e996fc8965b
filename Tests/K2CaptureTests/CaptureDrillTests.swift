import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON
import K2TestSupport
import Testing

@testable import K2Capture

/// What an output says about the ids of each symbol.
private struct DrillLedger {
    /// By K2's symbol.
    var came: [String: Set<UInt64>] = [:]
    var gaps: [String: [UInt64: GapState]] = [:]
    /// Records of trades none of which was new.
    var needless = 0
    /// Ids of which it was said twice that they are open, or that something became of what was not open.
    var oddities: [String] = []

    init(_ output: borrowing ByteWriter, _ exchange: Exchange, _ symbols: [ModelSymbol]) throws {
        var meanings: [String: String] = [:]
        for symbol in symbols { for name in [symbol.name, symbol.restName, symbol.pageKey] { meanings[name] = symbol.symbol } }
        let bytes = output.array
        var document = JSONDocument()
        var nodes: [Int32] = []
        var batch = WireBatch()
        let adapter = ExchangeRegistry.adapter(for: exchange)
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0a)!
            let line = Array(bytes[start..<end])
            start = end + 1
            try document.parse(line.span)
            if line.starts(with: Array(#"{"kind":"gap""#.utf8)) {
                note(try GapLine(document, text: line.span))
                continue
            }
            let raw = try RawLine(document, text: line.span, nodes: &nodes)
            batch.removeAll()
            guard case .trades = try adapter.read(raw.message, request: raw.request, document: document, text: line.span, into: &batch) else { continue }
            var isNew = false
            let text = line.span
            for trade in batch.trades {
                let symbol = meanings[text.part(trade.symbol).text]!
                if came[symbol, default: []].insert(trade.id!).inserted { isNew = true }
            }
            if !isNew { needless += 1 }
        }
    }

    private mutating func note(_ gap: GapLine) {
        for id in gap.firstMissing...gap.lastMissing {
            let before = gaps[gap.symbol, default: [:]].updateValue(gap.state, forKey: id)
            switch (before, gap.state) {
            case (nil, .open), (.open?, .filled), (.open?, .empty), (.open?, .lost), (nil, .empty), (nil, .lost): break
            // A message that comes after its trade was given up takes the verdict back.
            case (.lost?, .filled): break
            default: oddities.append("\(gap.symbol) \(id): \(before.map { "\($0)" } ?? "nothing") then \(gap.state)")
            }
        }
    }
}

@Suite struct CaptureDrillTests {
    #if DEBUG
        static let (trades, seeds) = (600, 1)
    #else
        static let (trades, seeds) = (1_500, 2)
    #endif

    static func plans(_ seeds: Int) -> [CaptureDrill.Plan] {
        var random = Seeded.start("CaptureDrillTests")
        var plans: [CaptureDrill.Plan] = []
        for exchange in Exchange.allCases {
            for loss in CaptureDrill.Loss.allCases {
                for restart in CaptureDrill.Restart.allCases {
                    for _ in 0..<seeds {
                        plans.append(.init(exchange: exchange, seed: random.next() >> 32, tradesPerSymbol: trades, loss: loss, restart: restart))
                    }
                }
            }
        }
        return plans
    }

    @Test func everyIdIsAccountedFor() throws {
        var trades = 0
        for plan in Self.plans(Self.seeds) { trades += try Self.drill(plan) }
        print("CaptureDrillTests: \(trades) trades")
    }

    /// One long outage, whose trades fill many pages.
    @Test(arguments: Exchange.allCases)
    func longHolesAreFilled(exchange: Exchange) throws {
        var random = Seeded.start("longHolesAreFilled \(exchange)")
        _ = try Self.drill(.init(exchange: exchange, seed: random.next() >> 32, tradesPerSymbol: 8_000))
    }

    /// Runs a drill and compares what came out with what took place; how many trades that was.
    static func drill(_ plan: CaptureDrill.Plan) throws -> Int {
        var drill = CaptureDrill(plan)
        let isDone = try drill.run()
        #expect(isDone, "something stays open: \(plan)")
        let ledger = try DrillLedger(drill.bench.output, plan.exchange, drill.symbols)
        if plan.restart != .killed {
            #expect(ledger.needless == 0, "\(ledger.needless) records say nothing new: \(plan)")
            #expect(ledger.oddities == [], "\(plan)")
        }
        for index in drill.symbols.indices {
            let symbol = drill.symbols[index]
            guard let first = drill.firstSeen[index] else { continue }
            let wrong = differences(symbol, from: first, ledger, plan)
            #expect(wrong == [], "\(wrong.count) ids of \(symbol.symbol), \(plan)")
        }
        return drill.symbols.reduce(0) { $0 + $1.trades.count }
    }

    /// What is wrong with the account of the ids from `first` on.
    private static func differences(_ symbol: ModelSymbol, from first: UInt64, _ ledger: DrillLedger, _ plan: CaptureDrill.Plan) -> [String] {
        var wrong: [String] = []
        let came = ledger.came[symbol.symbol] ?? []
        let gaps = ledger.gaps[symbol.symbol] ?? [:]
        let last = symbol.trades.last!.id
        if let beyond = came.max(), beyond > last { wrong.append("\(beyond) is beyond the end") }
        var trades = symbol.trades[symbol.place(first)...]
        // Before the first trade that REST still has nothing can be proven.
        let keptFrom = symbol.keptFrom == 0 ? 0 : symbol.trades[symbol.place(symbol.keptFrom)].id
        for id in first...last {
            let trade = trades.first?.id == id ? trades.removeFirst() : nil
            switch (trade, came.contains(id), gaps[id]) {
            case (.some, true, nil), (.some, true, .filled?): break
            // Given up before it came: in a message with a newer one.
            case (.some, true, .lost?) where plan.loss != .none: break
            case (.some(let trade), false, .lost?) where trade.isBroken || id < symbol.keptFrom: break
            case (nil, false, .empty?): break
            // It cannot be proven where history is cut off or unreadable.
            case (nil, false, .lost?) where plan.loss == .broken || id < keptFrom: break
            default: wrong.append("\(id) \(trade == nil ? "never was" : "was"), \(came.contains(id) ? "came" : "did not come"), \(gaps[id].map { "\($0)" } ?? "no word")")
            }
        }
        return wrong
    }
}
