/// Remembers the last 128-bit digests, for trades whose exchange gives no id. First in, first out.
public struct DigestWindow: Sendable {
    private let capacity: Int
    private var seen: Set<UInt128> = []
    private var order: [UInt128] = []
    private var oldest = 0

    public init(capacity: Int = 131_072) { self.capacity = capacity }

    /// Marks a digest as seen. Returns false when it was already.
    public mutating func insert(_ digest: UInt128) -> Bool {
        guard seen.insert(digest).inserted else { return false }
        if order.count < capacity {
            order.append(digest)
        } else {
            seen.remove(order[oldest])
            order[oldest] = digest
            oldest = (oldest + 1) % capacity
        }
        return true
    }

    /// The digests held, oldest first.
    public var digests: [UInt128] { Array(order[oldest...] + order[..<oldest]) }
}
