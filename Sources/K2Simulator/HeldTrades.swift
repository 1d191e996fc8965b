/// Trades on their way: a heap by the time at which they arrive, then by the order in which they were held.
///
/// Bounded: a full heap takes nothing more, and the caller then sends the trade on time.
struct HeldTrades {
    private struct Entry {
        let due: Int64
        let number: UInt64
        let trade: SimulatedTrade

        func precedes(_ other: Entry) -> Bool {
            due != other.due ? due < other.due : number < other.number
        }
    }

    static let capacity = 1 << 16
    private var heap: [Entry] = []
    private var held: UInt64 = 0

    var isFull: Bool { heap.count >= Self.capacity }
    var nextDue: Int64? { heap.first?.due }

    /// Precondition: not full.
    mutating func hold(_ trade: SimulatedTrade, until due: Int64) {
        precondition(!isFull)
        heap.append(Entry(due: due, number: held, trade: trade))
        held += 1
        var index = heap.count - 1
        while index > 0, case let parent = (index - 1) / 2, heap[index].precedes(heap[parent]) {
            heap.swapAt(index, parent)
            index = parent
        }
    }

    /// The trade that arrives next, or nil.
    mutating func release() -> (trade: SimulatedTrade, due: Int64)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.trade, first.due)
    }

    private mutating func sink() {
        var index = 0
        while true {
            var child = 2 * index + 1
            if child >= heap.count { return }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(heap[index]) else { return }
            heap.swapAt(child, index)
            index = child
        }
    }
}
