import Glibc
import K2Bytes
import K2CLI
import K2NDJSON
import K2Spool

/// Delivers records to stdout without ever waiting for its reader: what cannot be written waits in memory,
/// then in a spool on disk, and is delivered in order when the reader returns or the tool starts again.
///
/// A record is delivered at least once. Confined to the loop.
final class RecordOutput {
    struct Policy {
        /// Bytes that may wait in memory before they go to the spool.
        var memory = 4 << 20
        /// Bytes that may wait in memory while the spool takes nothing: beyond, the oldest are dropped.
        var emergencyMemory = 32 << 20
        /// The reader has stalled when it took nothing for so long, µs.
        var patience: Int64 = 1_000_000
        /// While the spool is in use, records go there in blocks of this size or age (µs).
        var block = 1 << 16
        var blockAge: Int64 = 100_000
    }

    /// Records are appended here, whole lines only; `flush` sends them.
    var tail = ByteWriter(capacity: 1 << 16)
    /// Is given records that had to be dropped, whole lines, before they are gone.
    var onDropped: ((Span<UInt8>) -> Void)?
    /// Worth a line on stderr.
    var onReport: ((String) -> Void)?

    private let policy: Policy
    private let descriptor: OutputDescriptor
    private let queue: SegmentQueue
    /// What is being written: whole lines, the first `sent` bytes of them gone.
    private var head = ByteWriter(capacity: 1 << 16)
    private var sent = 0
    /// Whether `head` is also the front of the queue.
    private var isHeadQueued = false
    private var recent: RecentBytes
    private var movedAt: Int64 = 0
    private var spooledAt: Int64 = 0
    /// The last write to stdout failed, and that was said.
    private var isFailing = false
    private var queueFailure: SpoolError?
    /// The reader of stdout has left.
    private(set) var isReaderGone = false
    private(set) var droppedBytes = 0
    private var taken: Int64 = 0

    init(descriptor: Int32, queue: SegmentQueue, policy: Policy = Policy()) {
        self.descriptor = OutputDescriptor(descriptor)
        self.queue = queue
        self.policy = policy
        recent = RecentBytes(capacity: self.descriptor.recoverableBytes)
    }

    /// Bytes that were appended since the start.
    var position: Int64 { taken + Int64(tail.count) }
    /// Everything appended before this position was written or is in the spool.
    var safe: Int64 { isHeadQueued ? taken : taken - Int64(head.count - sent) }
    /// Bytes on disk that wait for the reader.
    var spooledBytes: Int { queue.isEmpty ? 0 : queue.depth.bytes }
    var waitingBytes: Int { tail.count + head.count - sent }
    var isEmpty: Bool { queue.isEmpty && waitingBytes == 0 }

    /// Writes as much as the reader takes, and spools what it does not.
    /// - Parameter now: monotonic, µs.
    /// - Returns: whether everything was written.
    @discardableResult
    func flush(now: Int64) -> Bool {
        if !isReaderGone { deliver(now) }
        if isSpoolDue(now) { spool(now) }
        return isEmpty
    }

    // MARK: Delivery

    private func deliver(_ now: Int64) {
        while true {
            if sent < head.count {
                guard write() else { return }
                movedAt = now
                if sent < head.count { continue }
            }
            if isHeadQueued { discardHead() }
            guard nextHead() else {
                movedAt = now
                return
            }
        }
    }

    /// Writes a part of the head. False when the reader takes no more now, or has left.
    private func write() -> Bool {
        let start = sent
        let result = head.withUnsafeBytes { descriptor.write(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        switch result {
        case .wrote(let count):
            head.withUnsafeBytes { recent.append(UnsafeRawBufferPointer(rebasing: $0[start..<(start + count)])) }
            sent += count
            if isFailing { report("stdout: writing again") }
            isFailing = false
            return true
        case .blocked: return false
        case .failed(let errno):
            if !isFailing { report("stdout: cannot write: \(StreamError.reason(errno)); records go to the spool") }
            isFailing = true
            return false
        case .readerGone:
            isReaderGone = true
            recover()
            return false
        }
    }

    private func nextHead() -> Bool {
        head.removeAll()
        sent = 0
        if !queue.isEmpty, fillFromQueue() { return true }
        // What stands in the queue comes before what was appended since.
        if tail.count == 0 || !queue.isEmpty { return false }
        taken += Int64(tail.count)
        swap(&head, &tail)
        return true
    }

    private func fillFromQueue() -> Bool {
        do throws(SpoolError) {
            let count = try queue.peek(upTo: 1 << 20, into: &head)
            isHeadQueued = count > 0
            let damaged = queue.takeDamagedBytes()
            if damaged > 0 { report("spool: \(damaged) damaged bytes skipped") }
            return count > 0
        } catch {
            report("\(error)")
            return false
        }
    }

    private func discardHead() {
        isHeadQueued = false
        do throws(SpoolError) { try queue.discard() } catch { report("\(error)") }
    }

    // MARK: Spooling

    /// Puts everything that waits in memory on disk.
    private func spool(_ now: Int64) {
        spooledAt = now
        do throws(SpoolError) {
            try secureHead()
            try spoolTail()
            queueFailure = nil
        } catch {
            if queueFailure == nil { report("\(error); records wait in memory") }
            queueFailure = error
            dropBeyondMemory()
        }
    }

    private func isSpoolDue(_ now: Int64) -> Bool {
        if waitingBytes == 0 { return false }
        if isReaderGone { return true }
        if queue.isEmpty { return tail.count > policy.memory || now - movedAt > policy.patience }
        return tail.count > policy.block || tail.count > 0 && now - spooledAt > policy.blockAge
    }

    /// Makes a head that came from memory the front of the queue, from the start of the line that is half written.
    private func secureHead() throws(SpoolError) {
        guard !isHeadQueued, sent < head.count else { return }
        var block = ByteWriter(capacity: 16)
        swap(&block, &head)
        let start = Self.lineStart(before: sent, in: block.bytes)
        do throws(SpoolError) {
            try Self.prepend(block.bytes.extracting(start...), to: queue)
        } catch {
            swap(&block, &head)
            throw error
        }
        sent = isReaderGone ? 0 : sent - start
        _ = fillFromQueue()
    }

    private static func prepend(_ lines: Span<UInt8>, to queue: SegmentQueue) throws(SpoolError) {
        for part in LineBlocks.parts(of: lines, from: 0, limit: queue.maxBlockBytes).reversed() {
            try queue.prepend(lines.extracting(part))
        }
    }

    private func spoolTail() throws(SpoolError) {
        if tail.count == 0 { return }
        // What is dropped may lead to new records: they come behind.
        var block = ByteWriter(capacity: 16)
        swap(&block, &tail)
        taken += Int64(block.count)
        for part in LineBlocks.parts(of: block.bytes, from: 0, limit: queue.maxBlockBytes) {
            do throws(SpoolError) {
                try queue.append(block.bytes.extracting(part)) { dropped in self.drop(dropped) }
            } catch {
                giveBack(block.bytes.extracting(part.lowerBound..<block.count))
                throw error
            }
        }
    }

    /// Puts bytes that could not be spooled before the others that wait.
    private func giveBack(_ bytes: Span<UInt8>) {
        var whole = ByteWriter(capacity: bytes.count + tail.count)
        whole.append(bytes)
        whole.append(tail.bytes)
        tail = whole
        taken -= Int64(bytes.count)
    }

    private func drop(_ lines: Span<UInt8>) {
        droppedBytes += lines.count
        onDropped?(lines)
    }

    /// The spool takes nothing and memory is full: the newest records go, and are told of.
    private func dropBeyondMemory() {
        guard tail.count > policy.emergencyMemory else { return }
        var lines = ByteWriter(capacity: 16)
        swap(&lines, &tail)
        taken += Int64(lines.count)
        drop(lines.bytes)
    }

    // MARK: The end

    /// The reader has left: what it did not read, and may not have handled, goes back to the front of the spool.
    private func recover() {
        let unread = descriptor.unreadBytes + RecentBytes.readerMargin
        do throws(SpoolError) {
            if isHeadQueued { sent = 0 } else { try secureHead() }
            let bytes = recent.last(unread)
            let start = recent.isWhole(unread) ? 0 : Self.lineEnd(in: bytes.span)
            // The last line may be half written; its other half is in the head.
            let end = Self.lineStart(before: bytes.count, in: bytes.span)
            if start < end { try Self.prepend(bytes.span.extracting(start..<end), to: queue) }
        } catch {
            report("\(error)")
        }
    }

    /// Puts everything on disk and closes the spool.
    /// - Returns: whether every record was delivered or is in the spool.
    func close() -> Bool {
        isReaderGone = isReaderGone || waitingBytes > 0
        do throws(SpoolError) {
            if waitingBytes > 0 {
                try secureHead()
                try spoolTail()
            }
            if isHeadQueued, sent == head.count { try queue.discard() }
            try queue.close()
            return true
        } catch {
            report("\(error); \(waitingBytes) bytes of records could not be kept, and will be fetched again")
            return false
        }
    }

    /// Makes the spool durable.
    func sync() {
        do throws(SpoolError) { try queue.sync() } catch { report("\(error)") }
    }

    private func report(_ text: String) { onReport?(text) }

    /// The offset behind the last newline before `offset`.
    private static func lineStart(before offset: Int, in bytes: Span<UInt8>) -> Int {
        var start = min(offset, bytes.count)
        while start > 0, bytes[start - 1] != 0x0a { start -= 1 }
        return start
    }

    /// The offset behind the first newline.
    private static func lineEnd(in bytes: Span<UInt8>) -> Int {
        var end = 0
        while end < bytes.count, bytes[end] != 0x0a { end += 1 }
        return min(end + 1, bytes.count)
    }
}

/// Cuts lines into blocks.
enum LineBlocks {
    /// Ranges of whole lines from `start` on, each at most `limit` bytes unless one line is longer.
    static func parts(of bytes: Span<UInt8>, from start: Int, limit: Int) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var from = start
        while bytes.count - from > limit {
            var end = from + limit
            while end > from, bytes[end - 1] != 0x0a { end -= 1 }
            if end == from {
                end = from + limit
                while end < bytes.count, bytes[end - 1] != 0x0a { end += 1 }
            }
            parts.append(from..<end)
            from = end
        }
        if from < bytes.count { parts.append(from..<bytes.count) }
        return parts
    }
}
