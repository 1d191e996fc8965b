import CZlib

/// One decompression state for gzip data that lie in memory as a whole, reused for every block.
///
/// Takes gzip members (RFC 1952), several of them after each other too, and zlib data (RFC 1950), which some
/// writers call gzip.
public struct GzipDecompressor: ~Copyable {
    // zlib keeps a pointer back to its stream, so the stream must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    /// The most bytes that `count` compressed bytes can become: deflate's longest match takes two bits at least.
    public static func expansionBound(_ count: Int) -> Int {
        let (bound, overflow) = count.multipliedReportingOverflow(by: 1032)
        return overflow ? .max : bound
    }

    /// - Throws: `.outOfMemory`.
    public init() throws(CompressedDataError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 32 more than the window's bits: either header is recognised.
        guard inflateInit2_(stream, 15 + 32, ZLIB_VERSION, Gzip.streamSize) == Z_OK else {
            stream.deallocate()
            throw CompressedDataError(.gzip, .outOfMemory, at: 0)
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Decompresses all of `source` into `target` and returns the number of bytes written.
    /// - Throws: `.truncated`, or `.corrupt`, also when the content does not fit. Nothing outside `target` is ever written.
    public mutating func decompress(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressedDataError) -> Int {
        var (consumed, produced) = (0, 0)
        // Content that is empty must still be looked at, with somewhere to write to.
        var spare: UInt8 = 0
        try withUnsafeMutablePointer(to: &spare) { spare throws(CompressedDataError) in
            repeat {
                inflateReset(stream)
                var status = Z_OK
                while status != Z_STREAM_END {
                    let (given, room) = (min(source.count - consumed, 1 << 30), min(target.count - produced, 1 << 30))
                    stream.pointee.next_in = UnsafeMutablePointer(
                        mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self)).map { $0 + consumed }
                    stream.pointee.avail_in = UInt32(given)
                    stream.pointee.next_out = target.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) + produced } ?? spare
                    stream.pointee.avail_out = UInt32(room)
                    status = inflate(stream, Z_NO_FLUSH)
                    let step = (given - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
                    (consumed, produced) = (consumed + step.0, produced + step.1)
                    if status == Z_STREAM_END { break }
                    if status == Z_MEM_ERROR { throw CompressedDataError(.gzip, .outOfMemory, at: consumed) }
                    guard status == Z_OK || status == Z_BUF_ERROR else { throw CompressedDataError(.gzip, .corrupt, at: consumed) }
                    if step == (0, 0) {
                        throw CompressedDataError(.gzip, consumed == source.count ? .truncated : .corrupt, at: consumed)
                    }
                }
            } while consumed < source.count
        }
        return produced
    }
}
