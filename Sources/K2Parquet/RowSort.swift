/// Puts rows into the ascending order of their keys, equal ones in the order in which they are.
public enum RowSort {
    /// Row numbers in order; nil when the rows are in order already.
    ///
    /// - Parameter width: every key is below 2^`width`.
    public static func order(_ keys: [UInt64], width: Int) -> [UInt32]? {
        let runs = runs(keys)
        if runs.count <= 1 { return nil }
        // Merging compares log2(runs) times a row; dealing out by digits goes over the rows once a digit.
        let digits = (width + digitBits - 1) / digitBits
        if runs.count <= keys.count / 64, Int.bitWidth - runs.count.leadingZeroBitCount <= digits * 3 { return merged(keys, runs) }
        return dealt(keys, width: width)
    }

    /// The longest parts that are in order, as where each starts.
    private static func runs(_ keys: [UInt64]) -> [Int] {
        var starts: [Int] = keys.isEmpty ? [] : [0]
        keys.withUnsafeBufferPointer { keys in
            for row in 1..<max(keys.count, 1) where keys[row] < keys[row - 1] { starts.append(row) }
        }
        return starts
    }

    // MARK: Merging

    /// A tournament of the runs' first rows, as Knuth's tree of losers (The Art of Computer Programming, volume 3, section 5.4.1).
    private static func merged(_ keys: [UInt64], _ starts: [Int]) -> [UInt32] {
        var order: [UInt32] = []
        order.append(uninitialized: keys.count) { target in
            keys.withUnsafeBufferPointer { keys in
                var next = starts
                let ends = starts.dropFirst() + [keys.count]
                var tree = LoserTree(starts.count) { keys[starts[$0]] }
                next.withUnsafeMutableBufferPointer { next in
                    ends.withUnsafeBufferPointer { ends in
                        for place in 0..<keys.count {
                            let run = tree.winner
                            let row = next[run]
                            target[place] = UInt32(truncatingIfNeeded: row)
                            next[run] = row &+ 1
                            tree.replace(row &+ 1 < ends[run] ? keys[row &+ 1] : nil)
                        }
                    }
                }
            }
        }
        return order
    }

    // MARK: Dealing

    private static let digitBits = 11

    private static func dealt(_ keys: [UInt64], width: Int) -> [UInt32] {
        var order = [UInt32](0..<UInt32(keys.count))
        var (from, to) = (keys, [UInt64](repeating: 0, count: keys.count))
        var next = [UInt32](repeating: 0, count: keys.count)
        for shift in stride(from: 0, to: max(width, 1), by: digitBits) {
            if deal(from, order, shift: UInt64(shift), &to, &next) {
                swap(&from, &to)
                swap(&order, &next)
            }
        }
        return order
    }

    /// False when all keys have the same digit, and nothing was moved.
    private static func deal(_ keys: [UInt64], _ order: [UInt32], shift: UInt64, _ to: inout [UInt64], _ next: inout [UInt32]) -> Bool {
        let mask: UInt64 = 1 << UInt64(digitBits) - 1
        var starts = [Int](repeating: 0, count: 1 << digitBits + 1)
        return keys.withUnsafeBufferPointer { keys in
            starts.withUnsafeMutableBufferPointer { starts in
                for key in keys { starts[Int(key &>> shift & mask) + 1] += 1 }
                if starts.contains(keys.count) { return false }
                for digit in 1..<starts.count { starts[digit] += starts[digit - 1] }
                order.withUnsafeBufferPointer { order in
                    to.withUnsafeMutableBufferPointer { to in
                        next.withUnsafeMutableBufferPointer { next in
                            for index in 0..<keys.count {
                                let digit = Int(keys[index] &>> shift & mask)
                                to[starts[digit]] = keys[index]
                                next[starts[digit]] = order[index]
                                starts[digit] &+= 1
                            }
                        }
                    }
                }
                return true
            }
        }
    }
}

/// The least of several sequences' first keys, found with one comparison a level when it is replaced; of equal ones the earlier sequence's.
private struct LoserTree {
    /// Of the match at each inner node the loser; 0 is not in use.
    private var losers: [Int32]
    private var keys: [UInt64]
    /// Whether a sequence has ended: above every key.
    private var isOver: [Bool]
    private(set) var winner = 0

    init(_ count: Int, _ first: (Int) -> UInt64) {
        var size = 1
        while size < count { size *= 2 }
        keys = (0..<size).map { $0 < count ? first($0) : 0 }
        isOver = (0..<size).map { $0 >= count }
        losers = Array(repeating: 0, count: size)
        var winners = [Int](repeating: 0, count: size * 2)
        for leaf in 0..<size { winners[size + leaf] = leaf }
        for node in stride(from: size - 1, to: 0, by: -1) {
            let (left, right) = (winners[node * 2], winners[node * 2 + 1])
            let isLeft = precedes(left, right)
            winners[node] = isLeft ? left : right
            losers[node] = Int32(isLeft ? right : left)
        }
        winner = size == 1 ? 0 : winners[1]
    }

    @inline(__always)
    private func precedes(_ left: Int, _ right: Int) -> Bool {
        if isOver[left] != isOver[right] { return isOver[right] }
        return keys[left] != keys[right] ? keys[left] < keys[right] : left < right
    }

    /// Gives the winner's sequence its next key, nil at its end.
    @inline(__always)
    mutating func replace(_ key: UInt64?) {
        if let key { keys[winner] = key } else { isOver[winner] = true }
        var node = (winner + losers.count) >> 1
        while node > 0 {
            let other = Int(losers[node])
            if precedes(other, winner) {
                losers[node] = Int32(truncatingIfNeeded: winner)
                winner = other
            }
            node >>= 1
        }
    }
}
