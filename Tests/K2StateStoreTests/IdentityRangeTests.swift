import K2StateStore
import Testing

struct IdentityRangeTests {
    private func range(_ first: UInt64, _ last: UInt64, _ symbol: String = "S") -> IdentityRange {
        IdentityRange(exchange: "binance", symbol: symbol, first: first, last: last)
    }

    @Test func `adjacent and overlapping ranges become one, others stay`() {
        #expect([range(5, 6), range(1, 2), range(3, 4), range(9, 9)].coalesced == [range(1, 6), range(9, 9)])
        #expect([range(1, 10), range(2, 3), range(11, 11)].coalesced == [range(1, 11)])
        #expect([range(1, 2), range(3, 4, "T")].coalesced == [range(1, 2), range(3, 4, "T")])
        #expect([range(0, .max), range(.max, .max), range(0, 0)].coalesced == [range(0, .max)])
        #expect([IdentityRange]().coalesced.isEmpty)
    }
}
