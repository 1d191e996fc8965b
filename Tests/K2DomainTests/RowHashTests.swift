import Testing

@testable import K2Domain

/// The numbers are those of ClickHouse 26.9 for `intHash64`, `xxHash64` and what is made of them, with 5 as the salt.
struct RowHashTests {
    private func text(_ value: String) -> UInt64 {
        var copy = value
        return copy.withUTF8 { RowHash.text($0) }
    }

    @Test func `mix is intHash64`() {
        #expect(RowHash.mix(0) == 4_761_183_170_873_013_810)
        #expect(RowHash.mix(1) == 10_577_349_846_663_553_072)
        #expect(RowHash.mix(.max) == 14_600_443_904_207_254_319)
    }

    @Test func `text is xxHash64`() {
        #expect(text("") == 17_241_709_254_077_376_921)
        #expect(text("abc") == 4_952_883_123_889_572_249)
        #expect(text("BINANCE-388511 ₿ and more than thirty-two bytes") == 1_623_591_169_307_476_828)
        #expect(RowHash.salt("price") == 1_183_823_892_740_741_339)
    }

    @Test func `terms of each kind of value`() {
        #expect(RowHash.term(UInt64(bitPattern: -7), salt: 5) == 3_399_187_585_220_786_570)
        #expect(RowHash.wideTerm(UInt128(truncatingIfNeeded: Int128(-1_500_000_000_000)), salt: 5) == 14_540_877_589_375_676_648)
        #expect(RowHash.wideTerm(0xe201_c8ce_59b8_7f2a_a4b2_fb1a_ba7f_95aa, salt: 5) == 5_634_630_427_301_507_339)
        let list = ["a", "", "a"].enumerated().reduce(UInt64(0)) { $0 &+ RowHash.element(text($1.element), at: UInt64($1.offset) + 1, salt: 5) }
        #expect(list == 10_495_641_070_213_290_098)
        let map = RowHash.entry(text("c"), text(""), salt: 5) &+ RowHash.entry(text("a"), text("b"), salt: 5)
        #expect(map == 12_585_066_448_049_284_432)
    }

    @Test func `the order of elements counts, and what is a key and what a value`() {
        let forth = RowHash.element(text("a"), at: 1, salt: 5) &+ RowHash.element(text("b"), at: 2, salt: 5)
        let back = RowHash.element(text("b"), at: 1, salt: 5) &+ RowHash.element(text("a"), at: 2, salt: 5)
        #expect(forth != back)
        #expect(RowHash.entry(text("a"), text("b"), salt: 5) != RowHash.entry(text("b"), text("a"), salt: 5))
        #expect(RowHash.element(text(""), at: 1, salt: 5) != 0)
    }
}
