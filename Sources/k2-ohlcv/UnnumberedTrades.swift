import K2Domain

/// Remembers the last trades whose exchange gives no id (Kraken v1), first in, first out.
///
/// A trade that is older than one of its series that was forgotten cannot be told from it: it counts
/// as seen. It may be taken for a duplicate then, but none is ever counted twice.
struct UnnumberedTrades {
    struct Entry: Equatable {
        /// Of its trade id.
        var digest: UInt128
        var series: Int
        var time: Timestamp
    }

    private let capacity: Int
    private var seen: Set<UInt128> = []
    private var ring: [Entry] = []
    private var oldest = 0

    init(capacity: Int = 131_072) { self.capacity = capacity }

    func contains(_ digest: UInt128) -> Bool { seen.contains(digest) }

    /// Adds one that is not contained; returns the one that is forgotten for it.
    mutating func insert(_ entry: Entry) -> Entry? {
        seen.insert(entry.digest)
        if ring.count < capacity {
            ring.append(entry)
            return nil
        }
        let forgotten = ring[oldest]
        seen.remove(forgotten.digest)
        ring[oldest] = entry
        oldest = (oldest + 1) % capacity
        return forgotten
    }

    /// Those held, oldest first.
    var entries: [Entry] { Array(ring[oldest...] + ring[..<oldest]) }
}
