import Foundation
import K2Bytes
import K2Domain
import K2TestSupport
import Testing

private func uuid(_ text: String) -> UUIDValue? {
    let bytes = Array(text.utf8)
    return UUIDValue(bytes.span)
}

private func digest(_ text: String, seed: UInt64 = 0) -> UInt128 {
    let bytes = Array(text.utf8)
    return Digest.hash128(bytes.span, seed: seed)
}

@Suite struct UUIDValueTests {
    @Test func readsAndPrintsLikeFoundation() throws {
        var random = Seeded.start()
        for _ in 0..<2_000 {
            let value = UUIDValue(bits: UInt128(random.next()) << 64 | UInt128(random.next()))
            let text = value.description
            let foundation = try #require(UUID(uuidString: text))
            #expect(foundation.uuidString.lowercased() == text)
            #expect(uuid(text) == value)
            #expect(uuid(text.uppercased()) == value)
        }
        #expect(UUIDValue(bits: 0).description == "00000000-0000-0000-0000-000000000000")
        #expect(UUIDValue(bits: .max).description == "ffffffff-ffff-ffff-ffff-ffffffffffff")
        #expect(uuid("ffffffff-ffff-ffff-ffff-ffffffffffff")?.bits == .max)
    }

    @Test(arguments: [
        "", "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdeff",
        "01234567-89ab-cdef-0123-456789abcdeg", "01234567_89ab-cdef-0123-456789abcdef", "0123456-789ab-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcd\u{e9}", "{1234567-89ab-cdef-0123-456789abcde}",
    ])
    func refusesOtherForms(text: String) { #expect(uuid(text) == nil) }

    @Test func digestsAreVersion8() {
        for bits in [UInt128.min, .max, 0x1234] {
            let text = Array(UUIDValue(digest: bits).description)
            #expect(text[14] == "8")
            #expect("89ab".contains(text[19]))
        }
    }

    /// These values stand in tables of years: they may never change.
    @Test func messageIDsNeverChange() {
        func messageID(_ text: String) -> String {
            let bytes = Array(text.utf8)
            return UUIDValue.message(identity: bytes.span).description
        }
        #expect(messageID("binance|BTCUSDT|BINANCE-388511") == "89fad2f9-97ab-8fbd-93fe-b97ccf90c957")
        #expect(messageID("kraken|BTCUSD|KRAKEN-109116693") == "87f4a89f-d68a-80c4-94d4-162cd420b2eb")
        #expect(messageID("coinbase|ETHUSD|COINBASE-846155167") == "3331909c-7ee2-83a6-a340-5108cd451395")
    }

    /// XXH3-128 of the empty input with seed 0, as published with xxHash's sanity checks.
    @Test func digestIsXXH3() {
        #expect(digest("") == 0x99aa_06d3_0147_98d8_6001_c324_468d_497f)
        #expect(digest("a") != digest("b"))
        #expect(digest("a", seed: 1) != digest("a"))
    }
}

@Suite struct DigestWindowTests {
    @Test func agreesWithASetWhileNothingIsForgotten() {
        var random = Seeded.start()
        var window = DigestWindow(capacity: 1_000)
        var oracle: Set<UInt128> = []
        for _ in 0..<3_000 {
            let digest = UInt128(random.int(0...999))
            let isNew = window.insert(digest)
            #expect(isNew == oracle.insert(digest).inserted)
        }
    }

    @Test func forgetsTheOldestFirst() {
        var window = DigestWindow(capacity: 3)
        for digest: UInt128 in [1, 2, 3] {
            let isNew = window.insert(digest)
            #expect(isNew)
        }
        let again = window.insert(1), fourth = window.insert(4)
        #expect(!again)
        #expect(fourth)
        #expect(window.digests == [2, 3, 4])
        let forgotten = window.insert(1)
        #expect(forgotten)
        #expect(window.digests == [3, 4, 1])
    }
}
