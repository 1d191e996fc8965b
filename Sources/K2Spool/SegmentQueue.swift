import Glibc
import K2Bytes

/// A bounded first-in, first-out queue of blocks in a folder, for when a reader stalls.
///
/// A block is one or more whole lines; it is read back whole or not at all. Blocks are frames in segment files; a finished segment is
/// deleted. After kill -9, blocks that were read shortly before may be read once more and the block that was just being appended may be
/// missing; others are never lost. After a loss of power this holds for what was synced.
///
/// One owner, one thread. The folder is locked while the queue is open.
///
/// ```swift
/// let queue = try SegmentQueue.open(folder: "/var/spool/k2", limit: 1 << 30)
/// try queue.append(lines) { oldest in ledger(oldest) }
/// if try queue.peek(upTo: 1 << 20, into: &buffer) > 0 { deliver(buffer); try queue.discard() }
/// ```
public final class SegmentQueue {
    /// How much waits in the queue.
    public struct Depth: Equatable, Sendable {
        /// Bytes on disk that were not read, frame headers included.
        public var bytes: Int
        /// Blocks that were not read; damaged ones may count.
        public var frames: Int

        public init(bytes: Int, frames: Int) {
            self.bytes = bytes
            self.frames = frames
        }
    }

    /// The smallest limit, in bytes.
    public static let minLimit = 4096
    static let lockName = "lock"
    static let asideName = "prepended.new"

    let folder: SpoolFolder
    let limit: Int
    /// A segment that is as large takes no further frame.
    let segmentBytes: Int
    /// In the order in which they are read; none is finished.
    var segments: [Segment]
    /// Bytes of unfinished blocks that were cut off when the queue was opened.
    public let tornBytes: Int
    /// What the last `peek` read, up to an offset in a segment.
    var peeked: (number: UInt64, end: Int, frames: Int)?
    var damage = 0
    /// The last segment, when frames can be appended to it.
    private var tail: SpoolFile?
    private var front: (number: UInt64, file: SpoolFile)?
    private var nextNumber: UInt64
    private var hasNewNames = false
    private var lock: SpoolFile?

    private init(folder: SpoolFolder, limit: Int, segmentBytes: Int, segments: [Segment], tornBytes: Int, lock: SpoolFile) {
        self.folder = folder
        self.limit = limit
        self.segmentBytes = min(segmentBytes, limit / 4)
        self.segments = segments
        self.tornBytes = tornBytes
        self.lock = lock
        nextNumber = segments.last.map { $0.number + 1 } ?? Segment.firstNumber
    }

    /// Opens the queue in `folder`, which is made when missing, with what an earlier run left in it.
    ///
    /// - Parameters:
    ///   - limit: bytes that the segments may take on disk, at least `minLimit`.
    ///   - segmentBytes: size of a segment file, about; never more than a quarter of the limit.
    /// - Throws: `.locked` when another process has the folder; `.tooLarge` for a limit that is too small; `.inputOutput`.
    public static func open(folder path: String, limit: Int, segmentBytes: Int = 8 << 20) throws(SpoolError) -> SegmentQueue {
        guard limit >= minLimit else {
            throw SpoolError(.tooLarge, path: path, "limit too small: expected at least \(minLimit) bytes, found \(limit)")
        }
        let folder = SpoolFolder(path: path)
        try folder.create()
        let lock = try SpoolFile(folder.file(lockName), O_RDWR | O_CREAT)
        try lock.lock()
        try folder.remove(asideName)
        let numbers = try folder.fileNames().compactMap { Segment.number(fileName: $0) }.sorted()
        var segments: [Segment] = []
        var torn = 0
        for number in numbers {
            let (segment, tornHere) = try reopen(number, in: folder)
            torn += tornHere
            if let segment { segments.append(segment) }
        }
        return SegmentQueue(
            folder: folder, limit: limit, segmentBytes: segmentBytes, segments: segments, tornBytes: torn, lock: lock)
    }

    /// Cuts off the torn end of a segment, and deletes it when nothing is left to read.
    private static func reopen(_ number: UInt64, in folder: SpoolFolder) throws(SpoolError) -> (segment: Segment?, torn: Int) {
        let name = Segment.fileName(number)
        let file = try SpoolFile(folder.file(name), O_RDWR)
        let (segment, torn) = try file.scan(number: number)
        if segment.isFinished {
            try folder.remove(name)
            return (nil, torn)
        }
        if torn > 0 { try file.truncate(to: segment.end) }
        return (segment, torn)
    }

    public var isEmpty: Bool { segments.isEmpty }

    public var depth: Depth {
        segments.reduce(into: Depth(bytes: 0, frames: 0)) {
            $0.bytes += $1.end - $1.consumed
            $0.frames += $1.frames
        }
    }

    /// Bytes that the segments take on disk.
    public var bytesOnDisk: Int { segments.reduce(0) { $0 + $1.end } }

    /// The largest block that can be appended.
    public var maxBlockBytes: Int { min(limit / 4 - Frame.headerBytes - Segment.headerBytes, Frame.maxContentBytes) }

    /// Bytes of damaged frames that were skipped since the last call.
    public func takeDamagedBytes() -> Int {
        defer { damage = 0 }
        return damage
    }

    /// Puts a block at the end. An empty one is nothing.
    ///
    /// - Parameters:
    ///   - dropped: is given the blocks that have to go to keep the limit, oldest first, each readable during the call only.
    ///   - beforeRemoval: is called when all blocks of a file were given, and the file is still there: what is to be told of them can
    ///     be put in the queue with `appendOverLimit`, so that a kill loses neither.
    /// - Throws: `.tooLarge`, `.noSpace`, `.inputOutput`; the block is not in the queue then, but what was dropped is gone.
    public func append(
        _ block: Span<UInt8>, dropped: (Span<UInt8>) -> Void, beforeRemoval: () -> Void = {}
    ) throws(SpoolError) {
        if block.isEmpty { return }
        try checkSize(block)
        while bytesOnDisk + Segment.headerBytes + Frame.headerBytes + block.count > limit {
            guard try dropOldest(dropped, beforeRemoval: beforeRemoval) else { break }
        }
        try place(block)
    }

    /// Puts a block at the end and drops nothing for it: the limit may be exceeded by it until the next `append`.
    /// - Throws: as `append`.
    public func appendOverLimit(_ block: Span<UInt8>) throws(SpoolError) {
        if block.isEmpty { return }
        try checkSize(block)
        try place(block)
    }

    private func place(_ block: Span<UInt8>) throws(SpoolError) {
        if let last = segments.last, last.end + Frame.headerBytes + block.count > segmentBytes { tail = nil }
        if let tail { try write(block, to: tail) } else { try write(block, to: startSegment()) }
    }

    func checkSize(_ block: Span<UInt8>) throws(SpoolError) {
        guard block.count <= maxBlockBytes else {
            throw SpoolError(
                .tooLarge, path: folder.path, "block too large: expected at most \(maxBlockBytes) bytes, found \(block.count)")
        }
    }

    private func write(_ block: Span<UInt8>, to file: SpoolFile) throws(SpoolError) {
        let index = segments.count - 1
        let end = segments[index].end
        do throws(SpoolError) {
            try file.write(Frame.header(of: block), at: end)
            try file.write(block, at: end + Frame.headerBytes)
        } catch {
            undo(file, end)
            throw error
        }
        segments[index].end = end + Frame.headerBytes + block.count
        segments[index].frames += 1
        segments[index].isDirty = true
    }

    /// Cuts off what a failed append wrote.
    private func undo(_ file: SpoolFile, _ end: Int) {
        if end > Segment.headerBytes, (try? file.truncate(to: end)) != nil { return }
        // An empty segment is of no use, and one that cannot be cut must not be appended to.
        tail = nil
        if end == Segment.headerBytes {
            let segment = segments.removeLast()
            try? folder.remove(Segment.fileName(segment.number))
        }
    }

    private func startSegment() throws(SpoolError) -> SpoolFile {
        let name = Segment.fileName(nextNumber)
        let file = try SpoolFile(folder.file(name), O_RDWR | O_CREAT | O_TRUNC)
        do throws(SpoolError) {
            try file.write(Segment.newHeader, at: 0)
        } catch {
            try? folder.remove(name)
            throw error
        }
        segments.append(Segment(number: nextNumber))
        nextNumber += 1
        tail = file
        hasNewNames = true
        return file
    }

    /// Puts a block before all others: bytes that were read and could not be delivered. It is durable when this returns. The limit may
    /// be exceeded by it until the next `append`.
    ///
    /// `discard` afterwards still means what was read before, so that a kill between the two repeats blocks and loses none.
    public func prepend(_ block: Span<UInt8>) throws(SpoolError) {
        if block.isEmpty { return }
        try checkSize(block)
        var segment = Segment(number: (segments.first?.number ?? nextNumber) - 1)
        try writeAside(block)
        try folder.rename(Self.asideName, to: Segment.fileName(segment.number))
        segment.end += Frame.headerBytes + block.count
        segment.frames = 1
        segments.insert(segment, at: 0)
        try folder.sync()
    }

    private func writeAside(_ block: Span<UInt8>) throws(SpoolError) {
        let file = try SpoolFile(folder.file(Self.asideName), O_RDWR | O_CREAT | O_TRUNC)
        do throws(SpoolError) {
            let header = Segment.newHeader + Frame.header(of: block)
            try file.write(header, at: 0)
            try file.write(block, at: header.count)
            try file.sync()
        } catch {
            try? folder.remove(Self.asideName)
            throw error
        }
    }

    /// Makes everything that was appended durable.
    public func sync() throws(SpoolError) {
        for index in segments.indices where segments[index].isDirty {
            try SpoolFile(folder.file(Segment.fileName(segments[index].number)), O_RDWR).sync()
            segments[index].isDirty = false
        }
        if hasNewNames {
            try folder.sync()
            hasNewNames = false
        }
    }

    /// The file of a segment, kept open while that segment is read.
    func file(of segment: Segment) throws(SpoolError) -> SpoolFile {
        if let front, front.number == segment.number { return front.file }
        let file = try SpoolFile(folder.file(Segment.fileName(segment.number)), O_RDWR)
        front = (segment.number, file)
        return file
    }

    /// Forgets the segment at `index` and deletes its file. A file that cannot be deleted must not hold up those behind it: it is
    /// forgotten all the same, and comes again at the next opening.
    func remove(at index: Int) throws(SpoolError) {
        let number = segments[index].number
        if index == segments.count - 1 { tail = nil }
        if front?.number == number { front = nil }
        segments.remove(at: index)
        try folder.remove(Segment.fileName(number))
    }

    /// Lets no more blocks be put into this segment.
    func finishAppending(to segment: Segment) { if segment.number == segments.last?.number { tail = nil } }

    /// Syncs, closes the files and frees the folder. The queue must not be used afterwards.
    public func close() throws(SpoolError) {
        defer {
            tail = nil
            front = nil
            lock = nil
        }
        try sync()
    }
}
