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
        /// Bytes that may wait in memory while the spool takes nothing: beyond, they are dropped.
        var emergencyMemory = 32 << 20
        /// The reader has stalled when it took nothing for so long, µs.
        var patience: Int64 = 1_000_000
        /// While the spool is in use, records go there in blocks of this size or age (µs).
        var block = 1 << 16
        var blockAge: Int64 = 100_000
        /// A spool that took nothing is tried again after so long, µs.
        var spoolRetry: Int64 = 1_000_000
        /// Spooled records that cannot be read for so long (µs) are given up: they hold up those behind them.
        var readPatience: Int64 = 10_000_000
        /// A reader that left may have taken so many bytes out of the pipe and not handled them.
        var readerMargin = 256 << 10
    }

    /// Records are appended here, whole lines only; `flush` sends them.
    var tail = ByteWriter(capacity: 1 << 16)
    /// Is given records that have to be dropped, whole lines, before they are gone; gives the records that tell of it.
    var onDropped: ((Span<UInt8>) -> [UInt8])?
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
    private var recent: RecentLines
    private var movedAt: Int64 = 0
    private var spooledAt: Int64 = 0
    /// What went wrong last with writing stdout, with putting records into the spool, and with reading it: told once.
    private var writeFailure: Int32?
    private var spoolFailure: SpoolError?
    private var readFailure: (error: SpoolError, since: Int64)?
    /// The reader of stdout has left.
    private(set) var isReaderGone = false
    private(set) var droppedBytes = 0
    private var taken: Int64 = 0
    /// Records from this position on were dropped, which is told of by records before `until`.
    private var dropped: (from: Int64, until: Int64)?

    init(descriptor: Int32, queue: SegmentQueue, policy: Policy = Policy()) {
        self.descriptor = OutputDescriptor(descriptor)
        self.queue = queue
        self.policy = policy
        let capacity = self.descriptor.capacity
        recent = RecentLines(keeping: capacity > 0 ? capacity + policy.readerMargin : 0)
        let newline: [UInt8] = [0x0a]
        if self.descriptor.endsInsideLine { _ = newline.withUnsafeBytes { self.descriptor.write($0) } }
    }

    /// Bytes that were appended since the start.
    var position: Int64 { taken + Int64(tail.count) }
    /// Everything appended before this position was written or is in the spool, or a record says that it is lost.
    var safe: Int64 {
        let reached = isHeadQueued ? taken : taken - Int64(head.count - sent)
        guard let dropped, reached < dropped.until else { return reached }
        return min(reached, dropped.from)
    }
    /// Bytes on disk that wait for the reader.
    var spooledBytes: Int { queue.isEmpty ? 0 : queue.depth.bytes }
    var waitingBytes: Int { tail.count + head.count - sent }
    var isEmpty: Bool { queue.isEmpty && waitingBytes == 0 }
    /// Whether the reader has taken everything out of the pipe, as far as it ever will.
    var isTaken: Bool { descriptor.unreadBytes == 0 || descriptor.hasReaderLeft }

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
        repeat {
            while sent < head.count {
                guard write() else { return }
                movedAt = now
            }
            if isHeadQueued { discardHead() }
        } while nextHead(now)
        movedAt = now
    }

    /// Writes a part of the head. False when the reader takes no more now, or has left.
    private func write() -> Bool {
        let start = sent
        let result = head.withUnsafeBytes { descriptor.write(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        switch result {
        case .wrote(let count):
            head.withUnsafeBytes { recent.append(UnsafeRawBufferPointer(rebasing: $0[start..<(start + count)])) }
            sent += count
            if writeFailure != nil { report("stdout: written again") }
            writeFailure = nil
            return true
        case .blocked: return false
        case .failed(let errno):
            if errno != writeFailure { report("stdout: cannot write: \(StreamError.reason(errno)); records go to the spool") }
            writeFailure = errno
            return false
        case .readerGone:
            leaveReader()
            return false
        }
    }

    private func nextHead(_ now: Int64) -> Bool {
        head.removeAll()
        sent = 0
        if !queue.isEmpty, fillFromQueue(now) { return true }
        // What stands in the queue comes before what was appended since.
        if tail.count == 0 || !queue.isEmpty { return false }
        taken += Int64(tail.count)
        swap(&head, &tail)
        return true
    }

    /// Fills the empty head with the front of the queue. False when there is nothing, or when it cannot be read now.
    private func fillFromQueue(_ now: Int64) -> Bool {
        do throws(SpoolError) {
            isHeadQueued = try queue.peek(upTo: 1 << 20, into: &head) > 0
            readFailure = nil
        } catch {
            noteUnreadable(error, now)
        }
        let damaged = queue.takeDamagedBytes()
        if damaged > 0 { report("spool: \(damaged) damaged bytes skipped") }
        return isHeadQueued
    }

    private func noteUnreadable(_ error: SpoolError, _ now: Int64) {
        guard let failure = readFailure, failure.error == error else {
            report("\(error); trying again")
            readFailure = (error, now)
            return
        }
        if now - failure.since > policy.readPatience { dropOldest() }
    }

    private func discardHead() {
        isHeadQueued = false
        do throws(SpoolError) { try queue.discard() } catch { report("\(error); its records may come again") }
    }

    // MARK: Spooling

    /// Puts everything that waits in memory on disk.
    private func spool(_ now: Int64) {
        spooledAt = now
        do throws(SpoolError) {
            try secureHead(now)
            try spoolTail()
            if spoolFailure != nil { report("spool: records are taken again") }
            spoolFailure = nil
        } catch {
            if spoolFailure == nil { report("\(error); records wait in memory") }
            spoolFailure = error
            dropBeyondMemory()
        }
    }

    private func isSpoolDue(_ now: Int64) -> Bool {
        if waitingBytes == 0 { return false }
        if isReaderGone { return true }
        if spoolFailure != nil, now - spooledAt < policy.spoolRetry { return false }
        if queue.isEmpty { return tail.count > policy.memory || now - movedAt > policy.patience }
        return tail.count > policy.block || tail.count > 0 && now - spooledAt > policy.blockAge
    }

    /// Makes a head that came from memory the front of the queue, from the start of the line that is half written.
    private func secureHead(_ now: Int64) throws(SpoolError) {
        guard !isHeadQueued, sent < head.count else { return }
        var block = ByteWriter(capacity: 16)
        swap(&block, &head)
        let start = LineBlocks.lineStart(before: sent, in: block.bytes)
        do throws(SpoolError) {
            try Self.prepend(block.bytes.extracting(start...), to: queue)
        } catch {
            swap(&block, &head)
            throw error
        }
        if fillFromQueue(now) {
            sent = isReaderGone ? 0 : sent - start
        } else {
            // It comes from memory and, once it can be read, from the queue again: rather twice than half a line.
            swap(&block, &head)
        }
    }

    private static func prepend(_ lines: Span<UInt8>, to queue: SegmentQueue) throws(SpoolError) {
        for part in LineBlocks.parts(of: lines, limit: queue.maxBlockBytes).reversed() {
            try queue.prepend(lines.extracting(part))
        }
    }

    private func spoolTail() throws(SpoolError) {
        if tail.count == 0 { return }
        // What is dropped may lead to new records: they come behind.
        var block = ByteWriter(capacity: 16)
        swap(&block, &tail)
        taken += Int64(block.count)
        for part in LineBlocks.parts(of: block.bytes, limit: queue.maxBlockBytes) {
            do throws(SpoolError) {
                try append(block.bytes.extracting(part))
            } catch {
                giveBack(block.bytes.extracting(part.lowerBound..<block.count))
                throw error
            }
        }
    }

    private func append(_ lines: Span<UInt8>) throws(SpoolError) {
        if lines.count > queue.maxBlockBytes {
            // One line, larger than a quarter of the limit. It must not hold up all others.
            report("spool: a record of \(lines.count) bytes is too large for the limit")
            return keepLedger(of: lines)
        }
        var gone = ByteWriter(capacity: 16)
        try queue.append(
            lines, dropped: { gone.append($0) },
            beforeRemoval: {
                self.keepLedger(of: gone.bytes)
                gone.removeAll()
            })
    }

    /// Puts bytes that could not be spooled before the others that wait.
    private func giveBack(_ bytes: Span<UInt8>) {
        var whole = ByteWriter(capacity: bytes.count + tail.count)
        whole.append(bytes)
        whole.append(tail.bytes)
        tail = whole
        taken -= Int64(bytes.count)
    }

    // MARK: Dropping

    /// Gives up the front of the queue.
    private func dropOldest() {
        var gone = ByteWriter(capacity: 16)
        do throws(SpoolError) {
            _ = try queue.dropOldest({ gone.append($0) }, beforeRemoval: { self.keepLedger(of: gone.bytes) })
        } catch { report("\(error)") }
    }

    /// Puts the records that tell of dropped ones into the spool, where a kill cannot take them along; into memory if that fails.
    private func keepLedger(of lines: Span<UInt8>) {
        let ledger = tell(lines)
        do throws(SpoolError) {
            for part in LineBlocks.parts(of: ledger.span, limit: queue.maxBlockBytes) {
                try queue.appendOverLimit(ledger.span.extracting(part))
            }
        } catch { tail.append(ledger) }
    }

    private func tell(_ lines: Span<UInt8>) -> [UInt8] {
        droppedBytes += lines.count
        return onDropped?(lines) ?? []
    }

    /// The spool takes nothing and memory is full: what waits goes, and is told of.
    private func dropBeyondMemory() {
        guard tail.count > policy.emergencyMemory else { return }
        var lines = ByteWriter(capacity: 16)
        swap(&lines, &tail)
        let from = safe
        taken += Int64(lines.count)
        tail.append(tell(lines.bytes))
        dropped = (from, position)
    }

    // MARK: The end

    /// The reader has left, or is left: what it did not read, and may not have handled, goes back to the front of the spool.
    private func leaveReader() {
        isReaderGone = true
        do throws(SpoolError) { if isHeadQueued { sent = 0 } else { try secureHead(movedAt) } } catch { report("\(error)") }
        // Whole lines: the other half of one that is half written is in the head, and the whole of it now in the queue.
        let lines = recent.last(descriptor.unreadBytes + policy.readerMargin)
        do throws(SpoolError) { try Self.prepend(lines.span, to: queue) } catch {
            report("\(error); \(lines.count) bytes that the reader may not have handled are dropped")
            tail.append(tell(lines.span))
        }
    }

    /// Puts everything on disk, what still stands in the pipe as well, and closes the spool.
    /// - Returns: whether every record was delivered or is in the spool.
    func close() -> Bool {
        if !isReaderGone, waitingBytes > 0 || descriptor.unreadBytes > 0 || descriptor.hasReaderLeft { leaveReader() }
        do throws(SpoolError) {
            try secureHead(movedAt)
            try spoolTail()
            // Records that tell of what was dropped meanwhile.
            try spoolTail()
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
}

/// Cuts lines into blocks.
enum LineBlocks {
    /// The offset behind the last newline before `offset`.
    static func lineStart(before offset: Int, in bytes: Span<UInt8>) -> Int {
        var start = offset
        while start > 0, bytes[start - 1] != 0x0a { start -= 1 }
        return start
    }

    /// Ranges of whole lines, each at most `limit` bytes unless one line is longer.
    static func parts(of bytes: Span<UInt8>, limit: Int) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var from = 0
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
