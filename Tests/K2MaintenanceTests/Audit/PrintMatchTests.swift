import K2ClickHouse
import K2Domain
import Testing

@testable import K2Maintenance

struct PrintMatchTests {
    private func warm(_ identity: UInt64, _ row: UInt64, _ age: WarmAge = .settled, time: Int64 = 100) -> WarmPrint {
        WarmPrint(identity: identity, row: row, time: time, age: age)
    }

    private func cold(_ identity: UInt64, _ row: UInt64, time: Int64 = 100, revision: Int64 = 0) -> ColdPrint {
        ColdPrint(identity: identity, row: row, time: time, revision: revision, file: 0, rowGroup: 0, position: 0)
    }

    private func found(_ warm: [WarmPrint], _ cold: [ColdPrint], cutoff: Int64 = 0, isRevised: Bool = false) -> [String] {
        var found: [String] = []
        PrintMatch(cutoff: cutoff, isRevised: isRevised).run(warm.shuffled(), cold.shuffled()) {
            found.append("\($0.kind.rawValue) \($0.identity)\($0.cold.map { ":\($0.row)" } ?? "")")
        }
        return found
    }

    /// What a repair may do with each row of the lake that is told.
    private func remedies(_ warm: [WarmPrint], _ cold: [ColdPrint], isRevised: Bool = false) -> [String] {
        var found: [String] = []
        PrintMatch(cutoff: 0, isRevised: isRevised).run(warm.shuffled(), cold.shuffled()) {
            found.append("\($0.kind.rawValue)\($0.cold.map { " \($0.row)" } ?? ""): \($0.remedy)")
        }
        return found
    }

    @Test func `equal rows are not told`() {
        #expect(found([], []) == [])
        #expect(found((0..<100).map { warm($0, $0 * 7) }, (0..<100).map { cold($0, $0 * 7) }) == [])
    }

    @Test func `a row that one side lacks`() {
        #expect(found([warm(1, 1), warm(2, 2)], [cold(1, 1)]) == ["missing 2"])
        #expect(found([warm(1, 1)], [cold(1, 1), cold(.max, 2)]) == ["only in cold \(UInt64.max):2"])
        #expect(found([warm(1, 1), warm(2, 2, .new), warm(3, 3, .recent)], [cold(1, 1)]) == ["pending 2", "pending 3"])
    }

    @Test func `a row that the lake has twice`() {
        #expect(found([warm(1, 1)], [cold(1, 1), cold(1, 1)]) == ["doubled 1:1"])
        #expect(found([warm(1, 1)], [cold(1, 1), cold(1, 1), cold(1, 1)]) == ["doubled 1:1", "doubled 1:1"])
        #expect(found([], [cold(1, 5), cold(1, 5)]) == ["only in cold 1:5", "doubled 1:5"])
        #expect(found([warm(1, 5, .new)], [cold(1, 5), cold(1, 5)]) == ["doubled 1:5"])
    }

    @Test func `a row with other values`() {
        #expect(found([warm(1, 1)], [cold(1, 2)]) == ["differs 1:2"])
        #expect(found([warm(1, 1)], [cold(1, 2), cold(1, 3)]) == ["differs 1:2", "differs 1:3"])
        #expect(found([warm(1, 1)], [cold(1, 2), cold(1, 2)]) == ["differs 1:2", "doubled 1:2"])
        #expect(found([warm(1, 5)], [cold(1, 5), cold(1, 2), cold(1, 9)]) == ["differs 1:2", "differs 1:9"])
        #expect(found([], [cold(1, 5), cold(1, 2), cold(1, 5)]) == ["only in cold 1:2", "differs 1:5", "doubled 1:5"])
        // ClickHouse has it twice: the lake cannot have both.
        #expect(found([warm(1, 1), warm(1, 2)], [cold(1, 1)]) == ["differs 1"])
        // Of a trade the lake keeps the first version; a candle's later revision is on its way.
        #expect(found([warm(1, 1, .new)], [cold(1, 2)]) == ["differs 1:2"])
        #expect(found([warm(1, 1, .new)], [cold(1, 2)], isRevised: true) == ["pending 1:2"])
        #expect(found([warm(1, 1)], [cold(1, 2)], isRevised: true) == ["differs 1:2"])
        #expect(found([warm(1, 1, .unordered)], [cold(1, 2)], isRevised: true) == ["unordered 1:2"])
        #expect(found([warm(1, 1, .unordered)], []) == ["missing 1"])
    }

    @Test func `only what is there twice is cut without being asked`() {
        #expect(remedies([warm(1, 1)], [cold(1, 1), cold(1, 1)]) == ["doubled 1: remove"])
        #expect(remedies([warm(1, 1)], [cold(1, 1), cold(1, 2)]) == ["differs 2: remove"])
        #expect(remedies([warm(1, 1)], [cold(1, 2), cold(1, 3)]) == ["differs 2: replace", "differs 3: remove"])
        // Nothing says which of them is right.
        #expect(remedies([], [cold(1, 2), cold(1, 3)]) == ["only in cold 2: none", "differs 3: none"])
        #expect(remedies([warm(1, 1), warm(1, 2)], [cold(1, 1)]) == ["differs: none"])
        #expect(remedies([warm(1, 1)], []) == ["missing: add"])
        #expect(remedies([warm(1, 1, .new)], []) == ["pending: none"])
    }

    /// Whichever hash is the lower one.
    @Test(arguments: [(1, 2), (2, 1)])
    func `of a candle the highest revision stays`(hashes: (first: UInt64, second: UInt64)) {
        let both = [cold(1, hashes.first, revision: 1), cold(1, hashes.second, revision: 2)]
        let (first, second) = ("\(hashes.first)", "\(hashes.second)")
        #expect(remedies([], both, isRevised: true) == ["only in cold \(second): none", "differs \(first): remove"])
        #expect(remedies([warm(1, 9)], both, isRevised: true) == ["differs \(second): replace", "differs \(first): remove"])
        #expect(remedies([warm(1, 9, .new)], both, isRevised: true) == ["pending \(second): none", "differs \(first): remove"])
        #expect(remedies([warm(1, hashes.second)], both, isRevised: true) == ["differs \(first): remove"])
        let same = [cold(1, hashes.first, revision: 2), cold(1, hashes.second, revision: 2)]
        #expect(remedies([], same, isRevised: true) == ["only in cold 1: none", "differs 2: none"])
    }

    @Test func `a row whose time has left the warm store is not said to be too much`() {
        #expect(found([], [cold(1, 1, time: 9), cold(2, 2, time: 10)], cutoff: 10) == ["expired 1:1", "only in cold 2:2"])
    }

    /// Whatever is removed, doubled and changed at random is found, each once.
    @Test func `random harm is found`() {
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        var source = LakeRandomNumbers(seed: seed)
        for _ in 0..<50 {
            let rows = (0..<200).map { _ in (identity: source.next(), row: source.next()) }
            let lost = Set((0..<5).map { _ in Int(source.next() % 200) })
            let changed = Set((0..<5).map { _ in Int(source.next() % 200) }).subtracting(lost)
            let doubled = Set((0..<5).map { _ in Int(source.next() % 200) }).subtracting(lost).subtracting(changed)
            var there: [ColdPrint] = []
            for (place, row) in rows.enumerated() where !lost.contains(place) {
                there.append(cold(row.identity, changed.contains(place) ? row.row &+ 1 : row.row))
                if doubled.contains(place) { there.append(cold(row.identity, row.row)) }
            }
            var counts: [Discrepancy.Kind: Set<UInt64>] = [:]
            PrintMatch(cutoff: 0, isRevised: false).run(rows.map { warm($0.identity, $0.row) }, there) { counts[$0.kind, default: []].insert($0.identity) }
            let expected: [Discrepancy.Kind: Set<Int>] = [.missing: lost, .differs: changed, .doubled: doubled]
            #expect(counts == expected.filter { !$0.value.isEmpty }.mapValues { Set($0.map { rows[$0].identity }) }, "seed \(seed)")
        }
    }
}

/// SplitMix64.
struct LakeRandomNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
