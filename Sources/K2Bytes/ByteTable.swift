/// Maps byte strings to the numbers 0, 1, 2 … in the order in which they were added.
///
/// Looking a known string up allocates nothing. Made for small sets that are asked millions of times:
/// symbols, spellings, dictionary values. Open addressing, linear probing, at most half full.
public struct ByteTable: Sendable {
    /// The bytes of all keys one after the other.
    public private(set) var pool: [UInt8] = []
    /// Where each key ends in `pool`.
    public private(set) var ends: [Int] = []
    private var hashes: [UInt64] = []
    private var slots: [Int32] = Array(repeating: -1, count: 64)

    public init() {}

    public var count: Int { ends.count }

    /// The bytes of key number `index`.
    public func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    public func key(_ index: Int) -> [UInt8] { Array(pool[range(index)]) }

    /// The number of `key`, or nil.
    public func find(_ key: Span<UInt8>) -> Int? {
        let hash = Self.hash(key)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while true {
            let index = Int(slots[slot])
            if index < 0 { return nil }
            if hashes[index] == hash, isKey(index, key) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
    }

    /// The number of `key`, which is added when it is new.
    public mutating func insert(_ key: Span<UInt8>) -> Int {
        if let known = find(key) { return known }
        let index = ends.count
        key.withUnsafeBufferPointer { pool.append(contentsOf: $0) }
        ends.append(pool.count)
        hashes.append(Self.hash(key))
        if ends.count * 2 > slots.count {
            slots = Array(repeating: -1, count: slots.count * 2)
            for known in ends.indices { place(known) }
        } else {
            place(index)
        }
        return index
    }

    public mutating func removeAll() {
        pool.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        hashes.removeAll(keepingCapacity: true)
        for slot in slots.indices { slots[slot] = -1 }
    }

    private mutating func place(_ index: Int) {
        var slot = Int(truncatingIfNeeded: hashes[index]) & (slots.count - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(truncatingIfNeeded: index)
    }

    /// Whether `key` is key number `index`.
    public func isKey(_ index: Int, _ key: Span<UInt8>) -> Bool { pool.span.extracting(range(index)).equals(key) }

    /// Eight bytes a step, multiply and fold.
    private static func hash(_ key: Span<UInt8>) -> UInt64 {
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
            return mix(hash ^ tail)
        }
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
        return high ^ low
    }
}
