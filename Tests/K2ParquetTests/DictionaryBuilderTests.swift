import K2Bytes
import Testing

@testable import K2Parquet

struct DictionaryBuilderTests {
    @Test func radixOrderEqualsTheSortedOne() {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for count in [0, 1, 2, 63, 64, 65, 1000, 5000] {
            let wide = (0..<count).map { _ in Int128(truncatingIfNeeded: random.next()) << Int128.random(in: 0...64, using: &random) &* (random.chance(50) ? -1 : 1) }
            let narrow = wide.map { Int32(truncatingIfNeeded: $0 >> 20) }
            let long = wide.map { Int64(truncatingIfNeeded: $0) }
            #expect(RadixSort.order(wide).map { wide[Int($0)] } == wide.sorted(), "seed \(seed)")
            #expect(RadixSort.order(narrow).map { narrow[Int($0)] } == narrow.sorted(), "seed \(seed)")
            #expect(RadixSort.order(long).map { long[Int($0)] } == long.sorted(), "seed \(seed)")
        }
    }

    @Test func codesNameTheValues() throws {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        let values = (0..<100_000).map { _ in Int128.random(in: -5000...5000, using: &random) << 60 }
        let dictionary = try #require(DictionaryBuilder.build(values, maxShare: 0.9, maxEntries: 20_000))
        #expect(dictionary.codes.map { dictionary.entries[Int($0)] } == values, "seed \(seed)")
        #expect(dictionary.entries == Array(Set(values)).sorted(), "seed \(seed)")
    }

    @Test func byteStringsAreNamedToo() throws {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        let texts = (0..<5000).map { _ in String(repeating: "ab", count: Int.random(in: 0...9, using: &random)) + "\(Int.random(in: 0...300, using: &random))" }
        let slices = ByteSlices(column: ByteColumn(texts), positions: (0..<5000).map { _ in UInt32.random(in: 0..<5000, using: &random) })
        let dictionary = try #require(DictionaryBuilder.build(slices, maxShare: 1, maxEntries: 5000))
        let entries = dictionary.entries.positions.map { texts[Int($0)] }
        #expect(dictionary.codes.map { entries[Int($0)] } == slices.positions.map { texts[Int($0)] }, "seed \(seed)")
        #expect(entries == Array(Set(entries)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, "seed \(seed)")
    }

    @Test func internedValuesThatDoNotOccurAreLeftOut() {
        let slices = ByteSlices(column: ByteColumn(["c", "unused", "a", "b"]), positions: [0, 2, 3, 0])
        let dictionary = DictionaryBuilder.build(interned: slices)
        #expect(dictionary.entries.positions == [2, 3, 0])
        #expect(dictionary.codes == [2, 0, 1, 2])
    }

    @Test func tooManyDistinctValuesHaveNone() {
        #expect(DictionaryBuilder.build((0..<40_000).map { Int64($0) }, maxShare: 0.5, maxEntries: 100_000)?.codes == nil)
        #expect(DictionaryBuilder.build((0..<10).map { Int64($0) }, maxShare: 0.5, maxEntries: 9)?.codes == nil)
    }
}
