import CZstd

/// Decompresses zstd data (RFC 8878) piece by piece; several frames after each other are one text.
///
/// Memory is bounded by libzstd's limit of the window, 128 MiB; frames that need more are refused as corrupt.
public struct ZstdStream: ~Copyable {
    public typealias Step = GunzipStream.Step

    private let context: OpaquePointer
    private var offset = 0
    private var betweenFrames = true
    private var failure: CompressedDataError?
    /// Compressed bytes up to the end of the last complete frame: what stands behind it when the data end there was cut off.
    public private(set) var lastFrameEnd = 0

    /// - Throws: `.outOfMemory`.
    public init() throws(CompressedDataError) {
        guard let context = ZSTD_createDCtx() else { throw CompressedDataError(.zstd, .outOfMemory, at: 0) }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

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
        let total = room.count - position
        while step.produced < total, step.consumed < input.count || !betweenFrames {
            let before = step
            let status = Self.decompress(context, input, into: &room, at: position, &step)
            if ZSTD_isError(status) != 0 { return try fail(status, step) }
            betweenFrames = status == 0
            if betweenFrames { lastFrameEnd = offset + step.consumed }
            if step == before { break }
        }
        offset += step.consumed
        return step
    }

    private static func decompress(
        _ context: OpaquePointer, _ input: Span<UInt8>, into room: inout MutableSpan<UInt8>, at position: Int, _ step: inout Step
    ) -> Int {
        let before = step
        return input.withUnsafeBytes { source in
            room.withUnsafeMutableBufferPointer { target in
                var from = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: before.consumed)
                var to = ZSTD_outBuffer(
                    dst: target.baseAddress.map { $0 + position }, size: target.count - position, pos: before.produced)
                let status = ZSTD_decompressStream(context, &to, &from)
                step = Step(consumed: from.pos, produced: to.pos)
                return status
            }
        }
    }

    private mutating func fail(_ status: Int, _ step: Step) throws(CompressedDataError) -> Step {
        offset += step.consumed
        let isMemory = ZSTD_getErrorCode(status) == ZSTD_error_memory_allocation
        let error = CompressedDataError(.zstd, isMemory ? .outOfMemory : .corrupt, at: offset)
        failure = error
        // What was decompressed before the damage still counts.
        if step.produced == 0 { throw error }
        return step
    }

    /// Says that no input follows.
    /// - Throws: `.truncated` when a frame is not complete, and the error of `read` when there was one.
    public func finish() throws(CompressedDataError) {
        if let failure { throw failure }
        if !betweenFrames { throw CompressedDataError(.zstd, .truncated, at: offset) }
    }
}
