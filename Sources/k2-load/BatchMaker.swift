import Dispatch
import K2Bytes
import K2CLI
import K2ClickHouse
import K2Compression
import K2Domain
import K2Rows

/// Encodes and compresses rows on a thread of its own and puts them in the queue, so that reading goes on meanwhile.
final class BatchMaker: @unchecked Sendable {
    // Unchecked: what changes is touched inside `condition` only, but for what the thread alone uses.
    private let condition = Condition()
    private var waiting: [RowBuffer] = []
    private var isClosed = false
    private var lostRows = 0
    private let queue: LoadQueue
    private let thread = DispatchQueue(label: "k2.load.batches")
    private let ended = DispatchSemaphore(value: 0)

    /// Buffers that wait; with the one being filled and the one being encoded this bounds memory.
    private static let maxWaiting = 1
    /// How often a thread that waits looks for a signal, µs.
    private static let lookInterval: Int64 = 100_000

    init(_ queue: LoadQueue) { self.queue = queue }

    func start() throws(ZstdError) {
        let codec = CodecBox(try InsertBatchCodec.make())
        thread.async { [self] in
            while let buffer = take() {
                encode(buffer, codec)
            }
            queue.close()
            ended.signal()
        }
    }

    /// Hands rows over; waits while others are before them.
    func add(_ buffer: consuming RowBuffer) {
        let buffer = buffer
        while !condition.wait(until: MonotonicClock.now() + Self.lookInterval, { waiting.count < Self.maxWaiting }) { giveUpWhenStopped() }
        condition.change { waiting.append(buffer) }
    }

    /// Waits until everything that was handed over is in the queue.
    /// - Returns: rows that could be kept nowhere.
    func finish() -> Int {
        condition.change { isClosed = true }
        while ended.wait(timeout: .now() + .microseconds(Int(Self.lookInterval))) == .timedOut { giveUpWhenStopped() }
        return condition.look { lostRows }
    }

    /// A tool that is to stop has no time to wait for room in the spool.
    private func giveUpWhenStopped() { if Shutdown.signalNumber != nil { queue.giveUp() } }

    private func take() -> RowBuffer? {
        condition.wait { !waiting.isEmpty || isClosed }
        return condition.change { waiting.isEmpty ? nil : waiting.removeFirst() }
    }

    private func encode(_ buffer: RowBuffer, _ codec: CodecBox) {
        for rows in PartitionSets.split(buffer) {
            var bytes = ByteWriter(capacity: 1 << 16)
            let count = rows?.count ?? buffer.rowCount
            do throws(ZstdError) {
                try codec.codec.encode(buffer, rows: rows).write(to: &bytes)
            } catch {
                queue.report("\(buffer.definition.warmName): \(error)")
                condition.change { lostRows += count }
                continue
            }
            if !queue.append(bytes) { condition.change { lostRows += count } }
        }
    }
}

/// Carries a codec to the thread that uses it.
final class CodecBox: @unchecked Sendable {
    var codec: InsertBatchCodec
    init(_ codec: consuming InsertBatchCodec) { self.codec = codec }
}
