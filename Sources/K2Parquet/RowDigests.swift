import CK2XXHash
import K2Bytes

/// Digests of rows, made leaf by leaf, whose sum does not depend on the order of the rows.
///
/// A row's state is the sum over its leaves of numbers that each depend on the leaf, its levels and its value, by multiplication with constants
/// of the leaf; at the end each state is mixed, so that values which change places between rows change the sum. Values count by their meaning:
/// an integer is the same in any width, a decimal in any physical type, a float as a double.
public struct RowDigests {
    private var states: [UInt128]
    /// What the entries of the dictionary that was met last add: all pieces of a chunk have the same.
    private var known: (dictionary: LeafDictionary, leaf: LeafDigest, parts: [LeafDigest.Part])?
    public var count: Int { states.count }

    public init(count: Int) { states = [UInt128](repeating: 0, count: count) }

    /// Starts again with as many rows.
    public mutating func reset(count: Int) {
        known = nil
        states.removeAll(keepingCapacity: true)
        states.append(repeating: 0, count: count)
    }

    /// Adds the values that a leaf has in some rows of a piece of a file's column.
    ///
    /// - Parameters:
    ///   - start: what the first of the rows is here.
    ///   - factor: by which integers are multiplied, for times of another unit.
    ///   - totals: gets the number of values, and their sum.
    public mutating func add(_ rows: PieceRows, at start: Int, leaf: LeafDigest, factor: Int64 = 1, totals: inout LeafTotals) {
        if let choice = rows.choice {
            add(choice, rows.values, at: start, leaf, factor, &totals)
        } else {
            addFull(rows.piece.values, at: start, leaf, factor, &totals)
        }
    }

    /// What each value adds, or each entry of its dictionary.
    private mutating func parts(_ values: LeafValues, _ leaf: LeafDigest, _ factor: Int64) -> [LeafDigest.Part] {
        guard case .coded(_, let dictionary) = values else { return leaf.parts(values, factor) }
        if let known, known.dictionary === dictionary, known.leaf == leaf { return known.parts }
        known = nil
        let parts = leaf.parts(dictionary.values, factor)
        known = (dictionary, leaf, parts)
        return parts
    }

    /// One value a row.
    private mutating func addFull(_ values: LeafValues, at start: Int, _ leaf: LeafDigest, _ factor: Int64, _ totals: inout LeafTotals) {
        precondition(start + values.count <= states.count)
        totals.valueCount += values.count
        if case .coded(let codes, _) = values { return addCoded(codes, parts(values, leaf, factor), at: start, &totals) }
        states.withUnsafeMutableBufferPointer { states in
            leaf.forEach(values, factor) { index, part, number in
                states[start &+ index] &+= part
                totals.sum &+= number
            }
        }
    }

    private mutating func addCoded(_ codes: [UInt32], _ parts: [LeafDigest.Part], at start: Int, _ totals: inout LeafTotals) {
        var sum: Int128 = 0
        states.withUnsafeMutableBufferPointer { states in
            parts.withUnsafeBufferPointer { parts in
                codes.withUnsafeBufferPointer { codes in
                    for index in 0..<codes.count {
                        let part = parts[Int(codes[index])]
                        states[start &+ index] &+= part.digest
                        sum &+= part.number
                    }
                }
            }
        }
        totals.sum &+= sum
    }

    private mutating func add(
        _ chosen: EntryChoice, _ values: LeafValues?, at start: Int, _ leaf: LeafDigest, _ factor: Int64, _ totals: inout LeafTotals
    ) {
        precondition(start + chosen.rowCount <= states.count)
        let parts = values.map { self.parts($0, leaf, factor) } ?? []
        let codes = values?.codes
        states.withUnsafeMutableBufferPointer { states in
            var row = start - 1
            var weight: UInt128 = 1
            for entry in 0..<chosen.definitions.count {
                let repetition = chosen.repetitions.isEmpty ? 0 : chosen.repetitions[entry]
                if repetition == 0 {
                    row += 1
                    weight = 1
                } else {
                    weight &*= LeafDigest.step
                }
                let place = Int(chosen.places[entry])
                if place < 0 {
                    states[row] &+= leaf.null(chosen.definitions[entry], repetition) &* weight
                } else {
                    let part = parts[codes.map { Int($0[place]) } ?? place]
                    states[row] &+= (part.digest &+ leaf.level(repetition)) &* weight
                    totals.sum &+= part.number
                    totals.valueCount += 1
                }
            }
        }
    }

    /// The digest of one row.
    public func digest(of row: Int) -> UInt128 { Self.mixed(states[row]) }

    /// The sum over all rows.
    public var sum: UInt128 {
        states.withUnsafeBufferPointer { states in
            var sum: UInt128 = 0
            for state in states { sum &+= Self.mixed(state) }
            return sum
        }
    }

    /// Every bit of the result depends on every bit of the state.
    @inline(__always)
    private static func mixed(_ state: UInt128) -> UInt128 {
        var low = UInt64(truncatingIfNeeded: state)
        var high = UInt64(truncatingIfNeeded: state >> 64)
        low = scrambled(low ^ (high &<< 32 | high &>> 32))
        high = scrambled(high &+ low)
        low = scrambled(low ^ high &* 0x9e37_79b9_7f4a_7c15)
        return UInt128(high) << 64 | UInt128(low)
    }

    /// The finalizer of SplitMix64.
    @inline(__always)
    static func scrambled(_ word: UInt64) -> UInt64 {
        var mixed = word &+ 0x9e37_79b9_7f4a_7c15
        mixed = (mixed ^ (mixed &>> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed &>> 31)
    }
}

/// How many values a leaf has, and their exact sum where they are integers or decimals (unscaled), modulo 2^128.
public struct LeafTotals: Equatable, Sendable {
    public var valueCount = 0
    public var sum: Int128 = 0

    public init() {}

    public mutating func add(_ other: LeafTotals) {
        valueCount += other.valueCount
        sum &+= other.sum
    }
}

extension LeafValues {
    fileprivate var codes: [UInt32]? { if case .coded(let codes, _) = self { codes } else { nil } }
}
