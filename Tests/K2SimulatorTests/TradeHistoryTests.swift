import K2Domain
import Testing

@testable import K2Simulator

@Suite struct TradeHistoryTests {
    private static func history(_ count: Int) throws -> (TradeHistory, [SimulatedTrade]) {
        let plan = try RecordingPlan(format: .krakenV2, trades: 1, firstID: 1 << 61, symbols: ["BTCUSD"])
        var market = Market(plan)
        var history = TradeHistory(symbol: 0, firstID: 1 << 61)
        var trades: [SimulatedTrade] = []
        for index in 0..<count {
            if index % 500 == 499 { market.skip(7, symbol: 0) }
            trades.append(market.next())
            history.append(trades[index])
        }
        return (history, trades)
    }

    @Test func givesBackWhatItTook() throws {
        let (history, trades) = try Self.history(10_000)
        #expect(history.count == 10_000 && history.newestID == trades.last?.id && history.oldestID == trades[0].id)
        for index in stride(from: 0, to: 10_000, by: 7) {
            let (a, b) = (history[index], trades[index])
            #expect(a.id == b.id && a.price == b.price && a.quantity == b.quantity && a.time == b.time && a.order == b.order)
            #expect(a.takerBuys == b.takerBuys && a.isMarketOrder == b.isMarketOrder)
            #expect(history.index(ofID: b.id) == index)
            #expect(trades[history.index(ofTime: b.time)].time == b.time)
        }
        #expect(history.index(ofID: 0) == 0 && history.index(ofID: .max) == 10_000)
        #expect(history.index(ofID: trades[498].id + 1) == 499)
    }

    @Test func pruningHidesAndFrees() throws {
        var (history, trades) = try Self.history(10_000)
        history.prune(below: 5_000)
        #expect(history.chunkCount == 2 && history.index(ofID: 0) == 5_000 && history[5_000].id == trades[5_000].id)
        history.prune(below: 10_000)
        #expect(history.isEmpty && history.last == nil && history.newest(5).isEmpty && history.newestID == trades[9_999].id)
        history.prune(below: 3)
        #expect(history.lowest == 10_000)
        history.append(trades[9_999])
        #expect(history.last?.id == trades[9_999].id && history.count == 10_001)
    }

    @Test func pruningAtTheEndOfAChunk() throws {
        var (history, trades) = try Self.history(TradeHistory.chunkSize)
        history.prune(below: TradeHistory.chunkSize)
        #expect(history.chunkCount == 0)
        history.append(trades[0])
        #expect(history.newest(3).map(\.id) == [trades[0].id])
    }

    @Test func theServerKeepsAsManyTradesAsThePlanSays() throws {
        let served = try ServedExchange(.binance, symbols: ["BTCUSDT", "ETHUSDT"], rate: 100_000, kept: 20_000)
        served.subscribeAll()
        served.run(1)
        let shown = served.exchange.market.histories.map { $0.count - $0.lowest }.reduce(0, +)
        #expect(shown >= 20_000 && shown < 20_000 + 3 * TradeHistory.chunkSize)
        let page = try served.page("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1000&limit=1", .binanceREST)
        #expect(page.count == 1 && page[0].id.count == 5)
    }
}
