/// Maps byte strings to the numbers 0, 1, 2 … in the order in which they were added.
///
/// Looking a known string up allocates nothing. Made for small sets that are asked millions of times:
/// symbols, spellings, dictionary values. Open addressing, linear probing, at most half full.
public struct ByteTable: Sendable {
    /// The bytes of all keys one after the other.
    public private(set) var pool: [UInt8] = []
    /// Where each key ends in `pool`, which stays below 4 GiB.
    public private(set) var ends: [UInt32] = []
    /// For each key 32 bits of its hash above its number and 1, so that most searches end without a look at other keys; 0 where no key is.
    private var slots: [UInt64] = Array(repeating: 0, count: 64)

    public init() {}

    public var count: Int { ends.count }

    /// Bytes in memory, about.
    public var byteCount: Int { pool.capacity + ends.capacity * 4 + slots.count * 8 }

    /// Makes room for keys of `bytes` bytes in all, so that their pool need not grow in steps, which takes twice the memory for a moment.
    public mutating func reserveCapacity(bytes: Int) { pool.reserveCapacity(bytes) }

    /// Bytes in memory at most while `keys` more keys are added, when there is room for their `bytes` bytes. Room that was never written to takes none.
    public func peakByteCount(adding keys: Int, bytes: Int) -> Int {
        var slotBytes = slots.count * 8
        if (count + keys) * 2 > slots.count {
            // The old ones and the new ones together.
            var grown = slots.count
            while (count + keys) * 2 > grown { grown *= 2 }
            slotBytes = grown * 12
        }
        return pool.count + bytes + (count + keys) * 12 + slotBytes
    }

    /// The bytes of key number `index`.
    public func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index]) }

    public func key(_ index: Int) -> [UInt8] { Array(pool[range(index)]) }

    /// The number of `key`, or nil.
    public func find(_ key: Span<UInt8>) -> Int? {
        let (_, index) = search(key, Self.hash(key))
        return index
    }

    /// The number of `key`, which is added when it is new.
    public mutating func insert(_ key: Span<UInt8>) -> Int { insert(key, Self.hash(key)) }

    /// Appends the number of each of `keys` to `numbers`, adding those that are new.
    ///
    /// The first slots of some keys are read before any of them is searched, so that a table that is larger than the cache is waited for once and not
    /// for each key.
    public mutating func insert(_ keys: ByteColumn, numbers: inout [UInt32]) {
        numbers.reserveCapacity(numbers.count + keys.count)
        let bytes = keys.data.span
        var firsts: [(hash: UInt32, entry: UInt64)] = []
        firsts.reserveCapacity(Self.together)
        for start in stride(from: 0, to: keys.count, by: Self.together) {
            let block = start..<min(start + Self.together, keys.count)
            firsts.removeAll(keepingCapacity: true)
            for index in block {
                let hash = Self.hash(bytes.extracting(keys.range(index)))
                firsts.append((hash, slots[Int(hash) & (slots.count - 1)]))
            }
            for index in block {
                let (hash, entry) = firsts[index - start]
                let key = bytes.extracting(keys.range(index))
                // What a slot holds stays true, also when the table has grown meanwhile.
                let isFirst = entry != 0 && UInt32(truncatingIfNeeded: entry >> 32) == hash && isKey(Self.number(entry), key)
                numbers.append(UInt32(truncatingIfNeeded: isFirst ? Self.number(entry) : insert(key, hash)))
            }
        }
    }

    private static let together = 64

    private static func number(_ entry: UInt64) -> Int { Int(entry & 0xffff_ffff) - 1 }

    private mutating func insert(_ key: Span<UInt8>, _ hash: UInt32) -> Int {
        let (slot, known) = search(key, hash)
        if let known { return known }
        key.withUnsafeBufferPointer { pool.append(contentsOf: $0) }
        ends.append(UInt32(pool.count))
        slots[slot] = UInt64(hash) << 32 | UInt64(ends.count)
        if ends.count * 2 > slots.count { grow() }
        return ends.count - 1
    }

    public mutating func removeAll() {
        pool.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        for slot in slots.indices { slots[slot] = 0 }
    }

    /// The slot where `key` is, or where it belongs.
    private func search(_ key: Span<UInt8>, _ hash: UInt32) -> (slot: Int, index: Int?) {
        var slot = Int(hash) & (slots.count - 1)
        while true {
            let entry = slots[slot]
            if entry == 0 { return (slot, nil) }
            if UInt32(truncatingIfNeeded: entry >> 32) == hash, isKey(Self.number(entry), key) { return (slot, Self.number(entry)) }
            slot = (slot + 1) & (slots.count - 1)
        }
    }

    private mutating func grow() {
        let mask = slots.count * 2 - 1
        var grown = [UInt64](repeating: 0, count: mask + 1)
        for entry in slots where entry != 0 {
            var slot = Int(entry >> 32) & mask
            while grown[slot] != 0 { slot = (slot + 1) & mask }
            grown[slot] = entry
        }
        slots = grown
    }

    /// Whether `key` is key number `index`.
    public func isKey(_ index: Int, _ key: Span<UInt8>) -> Bool { pool.span.extracting(range(index)).equals(key) }

    /// Eight bytes a step, multiply and fold.
    private static func hash(_ key: Span<UInt8>) -> UInt32 {
        key.withUnsafeBytes { bytes in
            var hash = UInt64(bytes.count) &* 0x9e37_79b9_7f4a_7c15
            var offset = 0
            while offset + 8 <= bytes.count {
                hash = mix(hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            var tail: UInt64 = 0
            while offset < bytes.count {
                tail = tail << 8 | UInt64(bytes[offset])
                offset += 1
            }
            return UInt32(truncatingIfNeeded: mix(hash ^ tail))
        }
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
        return high ^ low
    }
}
