import K2TestSupport
import Testing

@testable import K2Normalize

@Suite struct IdentityWindowTests {
    private struct Identity: Hashable {
        var instrument: Int
        var id: UInt64
    }

    @Test func agreesWithASetWhileNothingIsForgotten() {
        var random = Seeded.start()
        for _ in 0..<10 {
            var window = IdentityWindow()
            var oracle: Set<Identity> = []
            for _ in 0..<5_000 {
                // Dense runs, far jumps and repeats; ids at the ends of pages and of the range.
                let instrument = random.int(0...20)
                let near = UInt64(random.int(0...2_000))
                let id = random.pick([near, near, near + 1 << 40, random.anyWidth() >> 1, UInt64(Int64.max) - near])
                let isNew = window.insert(id, instrument: instrument)
                let expected = oracle.insert(Identity(instrument: instrument, id: id)).inserted
                #expect(isNew == expected, "\(instrument) \(id)")
            }
        }
    }

    @Test(arguments: [1, 2, 3, 16, 700])
    func neverCallsANewIdentityADuplicateWhateverItForgot(capacity: Int) {
        var random = Seeded.start()
        var window = IdentityWindow(capacity: capacity)
        var oracle: Set<Identity> = []
        var forgotten = 0
        for _ in 0..<20_000 {
            let identity = Identity(instrument: random.int(0...5), id: UInt64(random.int(0...2_000) * 300))
            let isNew = window.insert(identity.id, instrument: identity.instrument)
            if oracle.insert(identity).inserted {
                #expect(isNew)
            } else if isNew {
                forgotten += 1
            }
        }
        // Fewer pages than there are ids: some must have been forgotten.
        #expect(forgotten > 0)
    }

    @Test func remembersWhatWasUsedMostRecently() {
        var window = IdentityWindow(capacity: 8)
        for round in 0..<200 {
            let isNew = window.insert(UInt64(round) * 512, instrument: 0)
            #expect(isNew)
            let again = window.insert(UInt64(round) * 512 + 1, instrument: 0)
            let repeated = window.insert(UInt64(round) * 512, instrument: 0)
            #expect(again && !repeated)
        }
        // The page in use is never the one that makes room.
        let last = window.insert(199 * 512, instrument: 0)
        #expect(!last)
    }

    @Test func aDenseRunNeedsOneBitAnId() {
        var window = IdentityWindow(capacity: 4)
        for id in 0..<UInt64(4 * 512) {
            let isNew = window.insert(id, instrument: 3)
            #expect(isNew)
        }
        for id in 0..<UInt64(4 * 512) {
            let isNew = window.insert(id, instrument: 3)
            #expect(!isNew)
        }
    }
}
