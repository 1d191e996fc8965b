/// Remembers which trade ids of which instruments were seen, in bounded memory.
///
/// Ids are kept as bits in pages of 512, so a dense run of ids costs one bit each. At most `capacity`
/// pages are held (by default 65,536: about 33 million dense ids, and never fewer than the 65,536
/// most recent sparse ones, in 6 MB); then the page that was not used for longest, nearly, makes room
/// (CLOCK). An id on a forgotten page counts as new.
struct IdentityWindow: ~Copyable {
    static let idsPerPage = 512
    private static let wordsPerPage = 8

    private let capacity: Int
    private var keys: [Key] = []
    private var bits: [UInt64] = []
    private var used: [Bool] = []
    /// Open addressing into the pages; −1 is free.
    private var slots: [Int32]
    private var hand = 0
    /// The page that each instrument touched last.
    private var recent: [Int32] = []

    private struct Key: Equatable {
        var instrument: Int32
        var page: UInt64

        var hash: Int {
            var value = (page &* 0x9e37_79b9_7f4a_7c15) ^ (UInt64(UInt32(bitPattern: instrument)) &* 0xc2b2_ae3d_27d4_eb4f)
            value ^= value >> 29
            return Int(truncatingIfNeeded: (value &* 0xbf58_476d_1ce4_e5b9) >> 17)
        }
    }

    init(capacity: Int = 65_536) {
        precondition(capacity >= 1)
        self.capacity = capacity
        var size = 1024
        while size < capacity * 2 && size < 4096 { size *= 2 }
        slots = Array(repeating: -1, count: size)
    }

    /// Marks an id as seen. Returns false when it was already.
    mutating func insert(_ id: UInt64, instrument: Int) -> Bool {
        let key = Key(instrument: Int32(truncatingIfNeeded: instrument), page: id / UInt64(Self.idsPerPage))
        let page = locate(key)
        let offset = Int(id % UInt64(Self.idsPerPage))
        let word = page * Self.wordsPerPage + offset / 64
        let mask: UInt64 = 1 << UInt64(offset % 64)
        if bits[word] & mask != 0 { return false }
        bits[word] |= mask
        return true
    }

    private mutating func locate(_ key: Key) -> Int {
        let instrument = Int(key.instrument)
        while recent.count <= instrument { recent.append(-1) }
        let last = Int(recent[instrument])
        if last >= 0, keys[last] == key {
            used[last] = true
            return last
        }
        let page = find(key) ?? add(key)
        used[page] = true
        recent[instrument] = Int32(page)
        return page
    }

    private func find(_ key: Key) -> Int? {
        var slot = key.hash & (slots.count - 1)
        while slots[slot] >= 0 {
            if keys[Int(slots[slot])] == key { return Int(slots[slot]) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private mutating func add(_ key: Key) -> Int {
        let page: Int
        if keys.count < capacity {
            page = keys.count
            keys.append(key)
            used.append(true)
            bits.append(contentsOf: repeatElement(0, count: Self.wordsPerPage))
            if keys.count * 2 > slots.count { return rebuild(last: page) }
        } else {
            page = evict()
            keys[page] = key
            for word in 0..<Self.wordsPerPage { bits[page * Self.wordsPerPage + word] = 0 }
        }
        place(page)
        return page
    }

    private mutating func rebuild(last page: Int) -> Int {
        slots = Array(repeating: -1, count: slots.count * 2)
        for index in keys.indices { place(index) }
        return page
    }

    private mutating func place(_ page: Int) {
        var slot = keys[page].hash & (slots.count - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(page)
    }

    /// Frees a page that was not used since the hand passed it last.
    private mutating func evict() -> Int {
        while used[hand] {
            used[hand] = false
            hand = (hand + 1) % capacity
        }
        let page = hand
        hand = (hand + 1) % capacity
        removeSlot(of: page)
        return page
    }

    /// Removes a slot and moves up the ones that had to step over it.
    private mutating func removeSlot(of page: Int) {
        let mask = slots.count - 1
        var hole = keys[page].hash & mask
        while slots[hole] != Int32(page) { hole = (hole + 1) & mask }
        var next = (hole + 1) & mask
        while slots[next] >= 0 {
            let home = keys[Int(slots[next])].hash & mask
            if (next &- home) & mask >= (next &- hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = -1
    }
}
