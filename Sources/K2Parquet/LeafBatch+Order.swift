/// Numbers that sort as the values of some rows do.
public struct OrderKeys: Sendable {
    /// One a row, each below 2^`width`.
    public var keys: [UInt64]
    /// 0 when all rows are equal.
    public var width: Int

    public init(keys: [UInt64], width: Int) {
        self.keys = keys
        self.width = width
    }
}

extension LeafBatch {
    /// Numbers in the order of the rows' values; nulls first or last. Floating-point numbers are in Iceberg's order:
    /// -NaN < -∞ < … < -0 < 0 < … < ∞ < NaN (https://iceberg.apache.org/spec/#sorting).
    ///
    /// - Precondition: the batch is sealed, and has a row an entry.
    public func orderKeys(isDescending: Bool = false, nullsFirst: Bool = true) -> OrderKeys {
        precondition(starts.isEmpty && maxRepetition == 0)
        var keys = rowKeys()
        let isNull: (Int) -> Bool = { [definitions, maxDefinition] in !definitions.isEmpty && definitions[$0] != maxDefinition }
        var (least, greatest): (UInt64, UInt64) = (.max, 0)
        var hasNulls = false
        for row in keys.indices {
            if isNull(row) {
                hasNulls = true
            } else {
                least = min(least, keys[row])
                greatest = max(greatest, keys[row])
            }
        }
        guard least <= greatest else { return OrderKeys(keys: [UInt64](repeating: 0, count: keys.count), width: 0) }
        let span = greatest - least
        // Where nulls would need a number beyond the largest, numbers become ranks.
        if hasNulls, span == .max { return Self.ranked(keys, isNull, isDescending, nullsFirst) }
        let shift: UInt64 = hasNulls && nullsFirst ? 1 : 0
        for row in keys.indices {
            if isNull(row) {
                keys[row] = nullsFirst ? 0 : span + 1
            } else {
                keys[row] = shift + (isDescending ? greatest - keys[row] : keys[row] - least)
            }
        }
        let largest = hasNulls ? span + 1 : span
        return OrderKeys(keys: keys, width: 64 - largest.leadingZeroBitCount)
    }

    private static func ranked(_ keys: [UInt64], _ isNull: (Int) -> Bool, _ isDescending: Bool, _ nullsFirst: Bool) -> OrderKeys {
        let ranks = Ranks.of(keys.count) { keys[$0] == keys[$1] } isLess: { keys[$0] < keys[$1] }
        let count = UInt64(keys.count)
        let result = ranks.indices.map { row -> UInt64 in
            if isNull(row) { return nullsFirst ? 0 : count + 1 }
            return isDescending ? count - UInt64(ranks[row]) : 1 + UInt64(ranks[row])
        }
        return OrderKeys(keys: result, width: 64 - (count + 1).leadingZeroBitCount)
    }

    /// Numbers in the order of the values; those of nulls mean nothing.
    private func rowKeys() -> [UInt64] {
        guard isCoded else { return keys(of: values) }
        switch type {
        case .float, .double, .uuid:
            // Their dictionary is in the order of their bits, which is another one.
            let entries = keys(of: dictionary.entries)
            return entries.isEmpty ? [UInt64](repeating: 0, count: codes.count) : BatchValues.gather(entries, codes)
        default: return codes.map { UInt64($0) }
        }
    }

    private func keys(of values: BatchValues) -> [UInt64] {
        switch values.kind {
        case .bits: return values.bits.map { $0 ? 1 : 0 }
        case .words32:
            if type == .float { return values.words32.map { Self.ordered(Float(bitPattern: UInt32(bitPattern: $0))) } }
            return values.words32.map { UInt64(bitPattern: Int64($0)) ^ 1 << 63 }
        case .words64:
            if type == .double { return values.words64.map { Self.ordered(Double(bitPattern: UInt64(bitPattern: $0))) } }
            return values.words64.map { UInt64(bitPattern: $0) ^ 1 << 63 }
        case .words128: return wideKeys(values.words128)
        case .bytes:
            let slices = ByteSlices(column: values.bytes, positions: [UInt32](0..<UInt32(values.count)))
            return slices.withUnsafe { slices in
                Ranks.of(slices.positions.count) { slices[$0].elementsEqual(slices[$1]) } isLess: { ByteSlices.precedes(slices[$0], slices[$1]) }
                    .map { UInt64($0) }
            }
        }
    }

    /// Of NaNs only the sign tells them apart.
    private static func ordered(_ value: Float) -> UInt64 {
        let bits = value.bitPattern
        if value.isNaN { return bits >> 31 == 0 ? UInt64(UInt32.max) : 0 }
        return UInt64(bits >> 31 == 0 ? bits ^ 1 << 31 : ~bits)
    }

    private static func ordered(_ value: Double) -> UInt64 {
        let bits = value.bitPattern
        if value.isNaN { return bits >> 63 == 0 ? .max : 0 }
        return bits >> 63 == 0 ? bits ^ 1 << 63 : ~bits
    }

    private func wideKeys(_ numbers: [Int128]) -> [UInt64] {
        // UUIDs are unsigned.
        let sign = type == .uuid ? Int128.min : 0
        guard let first = numbers.first else { return [] }
        var (least, greatest) = (first ^ sign, first ^ sign)
        for number in numbers {
            least = min(least, number ^ sign)
            greatest = max(greatest, number ^ sign)
        }
        let (span, overflow) = greatest.subtractingReportingOverflow(least)
        if !overflow, span <= Int128(UInt64.max) { return numbers.map { UInt64(truncatingIfNeeded: ($0 ^ sign) &- least) } }
        return Ranks.of(numbers.count) { numbers[$0] == numbers[$1] } isLess: { numbers[$0] ^ sign < numbers[$1] ^ sign }.map { UInt64($0) }
    }
}

/// The places of values among the distinct ones in ascending order.
enum Ranks {
    static func of(_ count: Int, isEqual: (Int, Int) -> Bool, isLess: (Int, Int) -> Bool) -> [UInt32] {
        let order = [UInt32](0..<UInt32(count)).sorted { isLess(Int($0), Int($1)) }
        var ranks = [UInt32](repeating: 0, count: count)
        var rank: UInt32 = 0
        for index in 1..<max(count, 1) where index < count {
            if !isEqual(Int(order[index - 1]), Int(order[index])) { rank += 1 }
            ranks[Int(order[index])] = rank
        }
        return ranks
    }
}
