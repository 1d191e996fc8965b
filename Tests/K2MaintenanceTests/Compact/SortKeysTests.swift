import K2Parquet
import K2TestSupport
import Testing

@testable import K2Maintenance

struct SortKeysTests {
    private func column(_ keys: [UInt64]) -> OrderKeys {
        OrderKeys(keys: keys, width: 64 - (keys.max() ?? 0).leadingZeroBitCount)
    }

    @Test func `columns together have the order of one after the other, however wide they are`() {
        var random = Seeded.start()
        for _ in 0..<80 {
            let count = random.int(1...60)
            let columns = (0..<random.int(1...5)).map { _ in
                let width = UInt64(random.int(0...64))
                return column((0..<count).map { _ in width == 0 ? 0 : random.next() >> (64 - width) & random.pick([.max, 0xf, 0xf000_0000_0000_0000]) })
            }
            let joined = SortKeys.joined(columns)
            #expect(joined.width == 64 || joined.keys.allSatisfy { $0 < 1 << UInt64(joined.width) })
            func precedes(_ a: Int, _ b: Int) -> Bool { columns.map { $0.keys[a] }.lexicographicallyPrecedes(columns.map { $0.keys[b] }) }
            for _ in 0..<100 {
                let (a, b) = (random.int(0...count - 1), random.int(0...count - 1))
                #expect((joined.keys[a] < joined.keys[b]) == precedes(a, b), "seed \(random.seed)")
            }
        }
    }

    @Test func `bits of several columns take turns`() {
        // 2 columns of 4 values in all combinations: Z over Z.
        let pairs = (0..<4).flatMap { x in (0..<4).map { (UInt64(x), UInt64($0)) } }
        let keys = SortKeys.interleaved([column(pairs.map(\.0)), column(pairs.map(\.1))])
        let order = (RowSort.order(keys.keys, width: keys.width) ?? Array(0..<16)).map { pairs[Int($0)] }
        let expected: [(UInt64, UInt64)] = [
            (0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 0), (2, 1), (3, 0), (3, 1), (2, 2), (2, 3), (3, 2), (3, 3),
        ]
        #expect(order.elementsEqual(expected, by: ==))
    }

    /// What the curve is for: a range in any of the columns touches few of the files that it is cut into.
    @Test func `files along the curve hold narrow ranges of each column`() {
        var random = Seeded.start()
        let rounds = 100
        var touched = (0, 0)
        for _ in 0..<rounds {
            let rows = (0..<4096).map { _ in (UInt64(random.int(0...999)), UInt64(random.int(0...9_999_999))) }
            let keys = SortKeys.interleaved([column(rows.map(\.0)), column(rows.map(\.1))])
            let order = RowSort.order(keys.keys, width: keys.width)!
            for file in 0..<16 {
                let part = order[file * 256..<(file + 1) * 256].map { rows[Int($0)] }
                if part.contains(where: { $0.0 < 100 }) { touched.0 += 1 }
                if part.contains(where: { $0.1 < 1_000_000 }) { touched.1 += 1 }
            }
        }
        // Of sixteen files a tenth of a column's values lies in six at most, as a mean; rows in no order would lie in all.
        #expect(touched.0 <= 6 * rounds && touched.1 <= 6 * rounds, "seed \(random.seed): \(touched) in \(rounds) rounds")
    }
}
