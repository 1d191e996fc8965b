import K2Bytes
import K2CLI
import K2NDJSON
import K2Spool

/// The batches that wait for ClickHouse, on disk and in order, between the thread that makes them and the one that sends them.
///
/// A batch is in the spool before it is sent and leaves it when ClickHouse has it: a kill loses none, and one may be sent twice,
/// which changes nothing. While the disk refuses, one batch waits in memory.
final class LoadQueue: @unchecked Sendable {
    // Unchecked: what changes is touched inside `condition` only.
    private let condition = Condition()
    private let queue: SegmentQueue
    private let limit: Int
    private var held: [UInt8]? { didSet { heldCount += 1 } }
    /// Tells one held batch from the next, and which of them was handed out.
    private var heldCount = 0
    private var handedOut = -1
    private var isClosed = false
    private var isGivenUp = false
    private var isPeeked = false

    /// What is said about the disk; called on any thread.
    let report: @Sendable (String) -> Void

    /// Frames, segments and positions take a little beside the batches.
    private static let overhead = 256
    /// How often a disk that refuses is tried again, µs.
    private static let retryDelay: Int64 = 1_000_000

    /// Where the batches wait.
    let folder: String

    init(_ queue: SegmentQueue, folder: String, limit: Int, report: @escaping @Sendable (String) -> Void) {
        self.queue = queue
        self.folder = folder
        self.limit = limit
        self.report = report
    }

    /// Batches, and bytes of them.
    var depth: (batches: Int, bytes: Int) {
        condition.look { (queue.depth.frames + (held == nil ? 0 : 1), queue.depth.bytes + (held?.count ?? 0)) }
    }

    // MARK: In

    /// Puts a batch at the end; waits while there is no room for it.
    /// - Returns: false when it can be kept nowhere.
    func append(_ batch: borrowing ByteWriter) -> Bool {
        var isTold = false
        while true {
            // A batch that waits in memory comes first: ClickHouse takes it, or the disk has room again.
            while !condition.wait(until: MonotonicClock.now() + Self.retryDelay, { isGivenUp || held == nil }) { _ = condition.change { placeHeld() } }
            if !condition.change({ placeHeld() }) { return false }
            switch condition.change({ place(batch) }) {
            case .placed: return true
            case .full(let before):
                if !isTold { report("spool: full: reading waits for ClickHouse") }
                isTold = true
                condition.wait { isGivenUp || queue.bytesOnDisk < before }
            case .failed(let error):
                report("spool: \(error); a batch is kept in memory")
                let kept = batch.array
                condition.change { held = kept }
                return true
            }
        }
    }

    private enum Placed {
        case placed
        /// The bytes that the spool takes.
        case full(Int)
        case failed(SpoolError)
    }

    private func place(_ batch: borrowing ByteWriter) -> Placed {
        // At the end nothing may be left over, and a batch that is larger than the limit is let in when it is alone.
        if !isGivenUp, !queue.isEmpty, queue.bytesOnDisk + batch.count + Self.overhead > limit { return .full(queue.bytesOnDisk) }
        do throws(SpoolError) {
            try queue.appendOverLimit(batch.bytes)
            return .placed
        } catch {
            return .failed(error)
        }
    }

    /// - Returns: whether no batch is left in memory.
    @discardableResult
    private func placeHeld() -> Bool {
        guard let held else { return true }
        guard (try? queue.appendOverLimit(held.span)) != nil else { return false }
        // While it is being sent it comes twice, which changes nothing.
        self.held = nil
        return true
    }

    /// No batch will come any more.
    func close() { condition.change { isClosed = true } }

    // MARK: Out

    enum Next {
        case batch([UInt8])
        case timedOut
        /// Closed, and nothing is left.
        case end
        case failed(SpoolError)
    }

    /// The first batch, which stays in the queue until `discard`.
    func next(until deadline: Int64) -> Next {
        condition.wait(until: deadline) { !queue.isEmpty || held != nil || isClosed }
        return condition.look {
            isPeeked = false
            if !queue.isEmpty {
                var bytes = ByteWriter(capacity: 1 << 16)
                do throws(SpoolError) {
                    if try queue.peek(upTo: 1, into: &bytes) > 0 {
                        isPeeked = true
                        return .batch(bytes.array)
                    }
                } catch {
                    return .failed(error)
                }
            }
            if let held {
                handedOut = heldCount
                return .batch(held)
            }
            return isClosed ? .end : .timedOut
        }
    }

    /// Takes out the batch that `next` gave last.
    func discard() throws(SpoolError) {
        try condition.change { () throws(SpoolError) in
            if isPeeked {
                isPeeked = false
                try queue.discard()
            } else if handedOut == heldCount {
                // Else it went to the disk meanwhile, and another one may be held.
                held = nil
            }
        }
    }

    /// Bytes of the spool that turned out to be damaged since the last call.
    func takeDamagedBytes() -> Int { condition.look { queue.takeDamagedBytes() } }

    func sync() { condition.look { do throws(SpoolError) { try queue.sync() } catch { report("spool: \(error)") } } }

    /// Ends all waiting for ClickHouse: what comes from now on goes to the spool, whatever its limit.
    func giveUp() { condition.change { isGivenUp = true } }

    /// Makes durable what is left, and frees the folder.
    /// - Throws: also when a batch is left in memory.
    func finish() throws(SpoolError) {
        try condition.change { () throws(SpoolError) in
            if let held {
                try queue.appendOverLimit(held.span)
                self.held = nil
            }
            try queue.close()
        }
    }
}
