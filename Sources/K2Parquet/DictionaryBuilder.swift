import K2Bytes

/// The distinct values of a column chunk in ascending order, and for each value its position among them.
///
/// Ascending order makes near values share their high bytes, which shortens both the dictionary and
/// the codes after compression.
struct Dictionary<Entries> {
    var entries: Entries
    var codes: [UInt32]
}

enum DictionaryBuilder {
    /// After so many values it is decided whether the column has too many distinct ones.
    private static let probe = 1 << 15

    /// The dictionary of `values`, or nil when more than `maxShare` of the first values are distinct or more
    /// than `maxEntries` of all.
    static func build<T: FixedWidthInteger & SignedInteger>(
        _ values: [T], maxShare: Double, maxEntries: Int
    ) -> Dictionary<[T]>? {
        var table = HashTable()
        var entries: [T] = []
        var codes = [UInt32](repeating: 0, count: values.count)
        let fits = values.withUnsafeBufferPointer { values in
            codes.withUnsafeMutableBufferPointer { codes in
                var limit = min(maxEntries, max(Int(Double(probe) * maxShare), 1))
                for index in 0..<values.count {
                    if index == probe { limit = maxEntries }
                    let value = values[index]
                    codes[index] = table.code(of: value, in: &entries)
                    if entries.count > limit { return false }
                }
                return true
            }
        }
        guard fits else { return nil }
        let order = RadixSort.order(entries)
        return Dictionary(entries: order.map { entries[Int($0)] }, codes: renumbered(codes, by: order))
    }

    /// The same for byte strings; the entries are positions of one occurrence each.
    static func build(_ slices: ByteSlices, maxShare: Double, maxEntries: Int) -> Dictionary<ByteSlices>? {
        var firsts: [UInt32] = []
        var codes = [UInt32](repeating: 0, count: slices.count)
        let order = slices.withUnsafe { slices -> [UInt32]? in
            var table = HashTable()
            var limit = min(maxEntries, max(Int(Double(probe) * maxShare), 1))
            for index in 0..<slices.positions.count {
                if index == probe { limit = maxEntries }
                codes[index] = table.code(of: UInt32(truncatingIfNeeded: index), slices: slices, in: &firsts)
                if firsts.count > limit { return nil }
            }
            return sorted(firsts, slices)
        }
        guard let order else { return nil }
        let positions = order.map { slices.positions[Int(firsts[Int($0)])] }
        return Dictionary(
            entries: ByteSlices(column: slices.column, positions: positions), codes: renumbered(codes, by: order))
    }

    /// The dictionary of values that the caller has made distinct: only those that occur, in order.
    static func build(interned slices: ByteSlices) -> Dictionary<ByteSlices> {
        var isUsed = [Bool](repeating: false, count: slices.column.count)
        for position in slices.positions { isUsed[Int(position)] = true }
        let used = (0..<UInt32(slices.column.count)).filter { isUsed[Int($0)] }
        let entries = ByteSlices(column: slices.column, positions: used)
        let order = entries.withUnsafe { sorted([UInt32](0..<UInt32(used.count)), $0) }
        let positions = order.map { used[Int($0)] }
        var codes = [UInt32](repeating: 0, count: slices.column.count)
        for (code, position) in positions.enumerated() { codes[Int(position)] = UInt32(code) }
        return Dictionary(
            entries: ByteSlices(column: slices.column, positions: positions),
            codes: slices.positions.map { codes[Int($0)] })
    }

    /// The dictionary of values that are codes already, of ascending entries: only those that occur.
    ///
    /// - Returns: nil when there are more than `maxEntries`; else which entries those are.
    static func build(codes: [UInt32], of entryCount: Int, maxEntries: Int) -> Dictionary<[UInt32]>? {
        var places = [UInt32](repeating: .max, count: entryCount)
        codes.withUnsafeBufferPointer { codes in
            places.withUnsafeMutableBufferPointer { places in for code in codes { places[Int(code)] = 0 } }
        }
        var used: [UInt32] = []
        for entry in 0..<entryCount where places[entry] == 0 {
            places[entry] = UInt32(used.count)
            used.append(UInt32(entry))
        }
        guard used.count <= maxEntries else { return nil }
        return Dictionary(entries: used, codes: BatchValues.gather(places, codes))
    }

    /// Positions in `firsts` in ascending order of what those positions in `slices` hold.
    private static func sorted(_ firsts: [UInt32], _ slices: ByteSlices.Unsafe) -> [UInt32] {
        [UInt32](0..<UInt32(firsts.count)).sorted { ByteSlices.precedes(slices[Int(firsts[Int($0)])], slices[Int(firsts[Int($1)])]) }
    }

    private static func renumbered(_ codes: [UInt32], by order: [UInt32]) -> [UInt32] {
        var rank = [UInt32](repeating: 0, count: order.count)
        for (new, old) in order.enumerated() { rank[Int(old)] = UInt32(new) }
        var codes = codes
        rank.withUnsafeBufferPointer { rank in
            codes.withUnsafeMutableBufferPointer { codes in
                for index in 0..<codes.count { codes[index] = rank[Int(codes[index])] }
            }
        }
        return codes
    }
}

/// Open addressing with linear probing; slots hold code + 1, 0 is free.
struct HashTable {
    private var slots: [UInt32]
    private var shift: UInt64
    private var hashes: [UInt32] = []

    init() {
        slots = [UInt32](repeating: 0, count: 1 << 12)
        shift = 52
    }

    private mutating func grow() {
        shift -= 1
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        for code in 0..<hashes.count {
            var slot = Int((UInt64(hashes[code]) << 32) >> shift)
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(code) + 1
        }
    }

    /// The slot at which the search for a hash starts: its top bits, of which 32 are kept.
    @inline(__always)
    private func start(_ hash: UInt64) -> Int { Int((hash & 0xffff_ffff_0000_0000) >> shift) }

    @inline(__always)
    private static func mix(_ word: UInt64) -> UInt64 {
        let mixed = (word ^ (word >> 32)) &* 0x9e37_79b9_7f4a_7c15
        return (mixed ^ (mixed >> 29)) &* 0xbf58_476d_1ce4_e5b9
    }

    @inline(__always)
    mutating func code<T: FixedWidthInteger>(of value: T, in entries: inout [T]) -> UInt32 {
        var word = UInt64(truncatingIfNeeded: value)
        if T.bitWidth > 64 { word ^= UInt64(truncatingIfNeeded: value >> 64) &* 0xff51_afd7_ed55_8ccd }
        let hash = Self.mix(word)
        let mask = slots.count - 1
        var slot = start(hash)
        while slots[slot] != 0 {
            let code = slots[slot] - 1
            if entries[Int(code)] == value { return code }
            slot = (slot + 1) & mask
        }
        let code = UInt32(truncatingIfNeeded: entries.count)
        entries.append(value)
        insert(hash, code, slot)
        return code
    }

    @inline(__always)
    mutating func code(of index: UInt32, slices: ByteSlices.Unsafe, in firsts: inout [UInt32]) -> UInt32 {
        let value = slices[Int(index)]
        let hash = Self.hash(value)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        let mask = slots.count - 1
        var slot = start(hash)
        while slots[slot] != 0 {
            let code = slots[slot] - 1
            if hashes[Int(code)] == tag, Self.equal(slices[Int(firsts[Int(code)])], value) { return code }
            slot = (slot + 1) & mask
        }
        let code = UInt32(truncatingIfNeeded: firsts.count)
        firsts.append(index)
        insert(hash, code, slot)
        return code
    }

    @inline(__always)
    private mutating func insert(_ hash: UInt64, _ code: UInt32, _ slot: Int) {
        slots[slot] = code + 1
        hashes.append(UInt32(truncatingIfNeeded: hash >> 32))
        if hashes.count * 2 > slots.count && shift > 32 { grow() }
    }

    @inline(__always)
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(bytes.count) &* 0x9e37_79b9_7f4a_7c15
        let raw = UnsafeRawBufferPointer(bytes)
        var offset = 0
        while offset + 8 <= raw.count {
            hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < raw.count {
            rest = rest << 8 | UInt64(raw[offset])
            offset += 1
        }
        return mix(hash ^ rest)
    }

    @inline(__always)
    private static func equal(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count where left[index] != right[index] { return false }
        return true
    }
}

/// Sorts integers by their bytes, least significant first; bytes that are equal everywhere cost one pass in all.
enum RadixSort {
    /// Positions of `values` in ascending order of the values, equal ones in their order.
    static func order<T: FixedWidthInteger & SignedInteger>(_ values: [T]) -> [UInt32] {
        var order = [UInt32](0..<UInt32(values.count))
        if values.count < 64 {
            order.sort { (values[Int($0)], $0) < (values[Int($1)], $1) }
            return order
        }
        let (allSet, anySet) = values.reduce((T(-1), T(0))) { ($0.0 & $1, $0.1 | $1) }
        let varying = allSet ^ anySet
        var next = order
        for byte in 0..<(T.bitWidth / 8) where (varying >> (byte * 8)) & 0xff != 0 {
            pass(values, byte: byte, from: order, to: &next)
            swap(&order, &next)
        }
        return order
    }

    private static func pass<T: FixedWidthInteger & SignedInteger>(_ values: [T], byte: Int, from order: [UInt32], to next: inout [UInt32]) {
        let flip: UInt8 = byte == T.bitWidth / 8 - 1 ? 0x80 : 0
        let shift = T(byte * 8)
        var starts = [Int](repeating: 0, count: 257)
        values.withUnsafeBufferPointer { values in
            for value in values { starts[Int(UInt8(truncatingIfNeeded: value &>> shift) ^ flip) + 1] += 1 }
            for digit in 0..<256 { starts[digit + 1] += starts[digit] }
            next.withUnsafeMutableBufferPointer { next in
                for position in order {
                    let digit = Int(UInt8(truncatingIfNeeded: values[Int(position)] &>> shift) ^ flip)
                    next[starts[digit]] = position
                    starts[digit] += 1
                }
            }
        }
    }
}
