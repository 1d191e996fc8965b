/// All trades of one symbol that REST can show: rows in chunks, ascending by id and time.
///
/// A trade takes 32 bytes. Nothing is moved when the history grows; pruning frees whole chunks.
struct TradeHistory {
    private struct Row {
        var time: Int64
        var quantity: Int64
        var id: UInt32
        /// Price, then a bit for a market order, then one for a buying taker.
        var priceAndFlags: UInt32
        var order: UInt32
    }

    static let chunkSize = 1 << 12
    private let symbol: Int
    private let firstID: Int64
    private var chunks: [[Row]] = []
    /// Rows in chunks that were freed.
    private var freed = 0
    /// Index of the first row that is shown.
    private(set) var lowest = 0
    /// Index behind the newest row.
    private(set) var count = 0

    /// - Parameter firstID: no trade has a lower id, nor one higher by 2^32 or more.
    init(symbol: Int, firstID: Int64) {
        self.symbol = symbol
        self.firstID = firstID
    }

    var chunkCount: Int { chunks.count }
    var isEmpty: Bool { lowest == count }
    var last: SimulatedTrade? { isEmpty ? nil : self[count - 1] }
    /// Of all trades ever made, also of those that are not shown; nil when there were none.
    private(set) var newestID: Int64?
    private(set) var oldestID: Int64?

    mutating func append(_ trade: SimulatedTrade) {
        if count % Self.chunkSize == 0 {
            chunks.append([])
            chunks[chunks.count - 1].reserveCapacity(Self.chunkSize)
        }
        let flags: UInt32 = (trade.isMarketOrder ? 2 : 0) | (trade.takerBuys ? 1 : 0)
        chunks[chunks.count - 1].append(
            Row(
                time: trade.time, quantity: trade.quantity, id: UInt32(trade.id - firstID),
                priceAndFlags: (UInt32(trade.price) << 2) | flags, order: UInt32(truncatingIfNeeded: trade.order)))
        count += 1
        newestID = trade.id
        if oldestID == nil { oldestID = trade.id }
    }

    /// Precondition: `lowest <= index < count`.
    subscript(index: Int) -> SimulatedTrade {
        let row = self.row(index)
        return SimulatedTrade(
            symbol: symbol, id: firstID + Int64(row.id), price: Int64(row.priceAndFlags >> 2), quantity: row.quantity, time: row.time,
            order: UInt64(row.order), takerBuys: row.priceAndFlags & 1 != 0, isMarketOrder: row.priceAndFlags & 2 != 0)
    }

    /// The newest `limit` trades, ascending.
    func newest(_ limit: Int) -> [SimulatedTrade] { trades(max(count - limit, lowest)..<count) }

    func trades(_ range: Range<Int>) -> [SimulatedTrade] { range.map { self[$0] } }

    /// Index of the first shown trade with this id or a higher one; `count` when there is none.
    func index(ofID id: Int64) -> Int { firstIndex { firstID + Int64($0.id) >= id } }

    /// Index of the first shown trade at `time` or later; `count` when there is none.
    func index(ofTime time: Int64) -> Int { firstIndex { $0.time >= time } }

    /// Shows nothing with an index below `index` any more.
    mutating func prune(below index: Int) {
        lowest = min(max(lowest, index), count)
        let full = lowest / Self.chunkSize - freed / Self.chunkSize
        if full > 0 {
            chunks.removeFirst(min(full, chunks.count))
            freed = lowest / Self.chunkSize * Self.chunkSize
        }
    }

    private func row(_ index: Int) -> Row {
        precondition(index >= lowest && index < count)
        let place = index - freed
        return chunks[place / Self.chunkSize][place % Self.chunkSize]
    }

    private func firstIndex(where isReached: (Row) -> Bool) -> Int {
        var (low, high) = (lowest, count)
        while low < high {
            let middle = (low + high) / 2
            if isReached(row(middle)) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
