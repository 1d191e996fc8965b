import K2Domain

/// A trade next to a hole.
public struct RefillAnchor: Sendable, Equatable {
    public var id: UInt64
    public var time: Timestamp

    public init(id: UInt64, time: Timestamp) {
        self.id = id
        self.time = time
    }
}

/// Trades to be had from REST: the ids `first ... last` of one symbol.
public struct RefillHole: Sendable, Equatable {
    /// The spelling of REST requests.
    public var symbol: String
    public var first: UInt64
    public var last: UInt64
    /// When the trade before the hole took place, where that is known, else when the hole was seen.
    public var afterTime: Timestamp?

    public init(symbol: String, first: UInt64, last: UInt64, afterTime: Timestamp?) {
        self.symbol = symbol
        self.first = first
        self.last = last
        self.afterTime = afterTime
    }

    /// How many rows to ask for: the ids of the hole and `margin` more.
    func pageSize(margin: Int, atMost greatest: Int) -> Int {
        last - first >= UInt64(greatest) ? greatest : min(greatest, Int(last - first) + 1 + margin)
    }
}

/// What a pager must know of a page that was fetched.
public struct RefillPage: Sendable {
    /// The ids of its trades, ascending.
    public var ids: [UInt64]
    /// Rows, unreadable ones too.
    public var rows: Int
    /// The cursor that the page names for the next one, where the exchange sends one.
    public var cursor: UInt64?

    public init(ids: [UInt64], rows: Int, cursor: UInt64? = nil) {
        self.ids = ids
        self.rows = rows
        self.cursor = cursor
    }
}

/// Walks the pages of a hole. Neighbouring pages share a trade, and the first and last reach beyond the
/// hole where there is something: two trades that follow each other in a page prove that the exchange
/// has none between them.
public protocol RefillPager: Sendable {
    /// The next page to fetch; nil when there is no more to ask.
    var next: RESTRequest? { get }
    /// Takes note of the page that `next` brought.
    mutating func advance(_ page: RefillPage)
}

/// What the pages of a hole have shown so far: which ids the exchange cannot have between those it has.
public struct RefillEvidence: Sendable {
    /// Ids that lie between two neighbours of a page.
    public private(set) var empty = SequenceSet()
    /// The lowest and highest id of all pages.
    public private(set) var lowest: UInt64?
    public private(set) var highest: UInt64?

    public init() {}

    /// A page with a row that could not be read proves nothing: its id is one of those that seem to be missing.
    public mutating func add(_ page: RefillPage, within hole: ClosedRange<UInt64>) {
        let ids = page.ids
        guard let first = ids.first, let last = ids.last else { return }
        lowest = min(lowest ?? first, first)
        highest = max(highest ?? last, last)
        if page.rows > ids.count { return }
        for (before, after) in zip(ids, ids.dropFirst()) where after > before + 1 {
            let between = max(before + 1, hole.lowerBound)...max(min(after - 1, hole.upperBound), max(before + 1, hole.lowerBound))
            if between.lowerBound <= min(after - 1, hole.upperBound) { empty.insert(contentsOf: between) }
        }
    }
}
