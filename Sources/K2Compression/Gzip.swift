import CZlib

public enum Gzip {
    /// The first bytes of every gzip member (RFC 1952, section 2.3.1).
    public static let magic: (UInt8, UInt8) = (0x1f, 0x8b)

    /// zlib's code for a gzip wrapper with the largest window, 32 KiB.
    static let windowBits: Int32 = 15 + 16
    static let streamSize = Int32(MemoryLayout<z_stream>.size)
}

/// Decompresses gzip data (RFC 1952) piece by piece; several members after each other are one text.
///
/// Memory is bounded: 32 KiB of window and a few KiB of state, whatever the data say.
///
/// ```swift
/// var gunzip = try GunzipStream()
/// let step = try gunzip.read(input, into: &room)   // again with the rest, until it makes no progress
/// try gunzip.finish()                              // throws when the data end inside a member
/// ```
public struct GunzipStream: ~Copyable {
    /// How far one call to `read` came.
    public struct Step: Equatable, Sendable {
        /// Compressed bytes used up.
        public var consumed: Int
        /// Bytes written to the room.
        public var produced: Int

        public init(consumed: Int = 0, produced: Int = 0) {
            self.consumed = consumed
            self.produced = produced
        }
    }

    // zlib keeps a pointer back to its stream, so the stream must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var offset = 0
    /// Compressed bytes up to the end of the last complete member: what stands behind it when the data end there was cut off.
    public private(set) var lastMemberEnd = 0
    private var betweenMembers = true
    private var failure: CompressedDataError?

    /// - Throws: `.outOfMemory`.
    public init() throws(CompressedDataError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard inflateInit2_(stream, Gzip.windowBits, ZLIB_VERSION, Gzip.streamSize) == Z_OK else {
            stream.deallocate()
            throw CompressedDataError(.gzip, .outOfMemory, at: 0)
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Uses up some or all of `input` and fills `room` from `position` on as far as it can; with no input it hands out what is still
    /// inside. A step that neither consumes nor produces means that more input is needed (or that there was no
    /// room). After an error every call throws it again.
    /// - Precondition: `position` lies in `room` or at its end.
    public mutating func read(
        _ input: Span<UInt8>, into room: inout MutableSpan<UInt8>, at position: Int = 0
    ) throws(CompressedDataError) -> Step {
        precondition(position >= 0 && position <= room.count)
        if let failure { throw failure }
        var step = Step()
        var status = Z_OK
        let total = room.count - position
        // zlib counts in 32 bits.
        let given = min(input.count, Int(Int32.max))
        // Without input there may still be output inside zlib.
        while status == Z_OK, step.produced < total, step.consumed < given || !betweenMembers {
            if betweenMembers { inflateReset(stream) }
            let before = step
            let stream = self.stream
            input.withUnsafeBufferPointer { source in
                room.withUnsafeMutableBufferPointer { target in
                    stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress.map { $0 + before.consumed })
                    stream.pointee.avail_in = UInt32(given - before.consumed)
                    stream.pointee.next_out = target.baseAddress.map { $0 + position + before.produced }
                    stream.pointee.avail_out = UInt32(clamping: total - before.produced)
                    let offered = stream.pointee.avail_out
                    status = inflate(stream, Z_NO_FLUSH)
                    step.consumed = given - Int(stream.pointee.avail_in)
                    step.produced = before.produced + Int(offered - stream.pointee.avail_out)
                }
            }
            betweenMembers = status == Z_STREAM_END
            if status == Z_STREAM_END {
                lastMemberEnd = offset + step.consumed
                status = Z_OK
            }
        }
        offset += step.consumed
        // Z_BUF_ERROR only says that there was no progress to make.
        if status != Z_OK && status != Z_BUF_ERROR {
            let error = CompressedDataError(.gzip, status == Z_MEM_ERROR ? .outOfMemory : .corrupt, at: offset)
            failure = error
            // What was decompressed before the damage still counts.
            if step.produced == 0 { throw error }
        }
        return step
    }

    /// Says that no input follows.
    /// - Throws: `.truncated` when a member is not complete, and the error of `read` when there was one.
    public func finish() throws(CompressedDataError) {
        if let failure { throw failure }
        if !betweenMembers { throw CompressedDataError(.gzip, .truncated, at: offset) }
    }
}

/// Compresses bytes to gzip. Each `finishMember` ends a member, so that what was written so far can be read
/// even if nothing follows; members after each other are valid gzip.
public struct GzipWriter: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    private var room = [UInt8](repeating: 0, count: 1 << 15)
    private var hasInput = false

    /// - Parameter level: 1 (fast) to 9 (small).
    /// - Throws: `.outOfMemory`.
    public init(level: Int32 = 6) throws(CompressedDataError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, min(max(level, 1), 9), Z_DEFLATED, Gzip.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Gzip.streamSize)
        guard status == Z_OK else {
            stream.deallocate()
            throw CompressedDataError(.gzip, .outOfMemory, at: 0)
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses `bytes`; what is ready is appended to `output`.
    public mutating func write(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        if bytes.isEmpty { return }
        hasInput = true
        var start = 0
        while start < bytes.count {
            let end = min(start + 1 << 30, bytes.count)
            run(bytes.extracting(start..<end), Z_NO_FLUSH, &output)
            start = end
        }
    }

    /// Ends the member and appends the rest of it. Does nothing when nothing was written since the last one.
    public mutating func finishMember(to output: inout [UInt8]) {
        if !hasInput { return }
        let nothing: [UInt8] = []
        run(nothing.span, Z_FINISH, &output)
        deflateReset(stream)
        hasInput = false
    }

    private mutating func run(_ bytes: Span<UInt8>, _ flush: Int32, _ output: inout [UInt8]) {
        let stream = self.stream
        bytes.withUnsafeBufferPointer { source in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.pointee.avail_in = UInt32(source.count)
            var left: UInt32 = 0
            repeat {
                room.withUnsafeMutableBufferPointer { target in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = UInt32(target.count)
                    deflate(stream, flush)
                    left = stream.pointee.avail_out
                }
                output.append(contentsOf: room[..<(room.count - Int(left))])
            } while left == 0
        }
    }
}
