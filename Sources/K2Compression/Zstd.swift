import CZstd

/// Why zstd refused: its own words, lower case, and what was being done.
public struct ZstdError: Error, Equatable, CustomStringConvertible, Sendable {
    public var message: String

    public init(_ message: String) { self.message = message }

    init(_ action: String, code: Int) {
        message = "zstd: \(action): \(String(cString: ZSTD_getErrorName(code)).lowercased())"
    }

    public var description: String { message }
}

public enum Zstd {
    /// The first bytes of every zstd frame (RFC 8878, section 3.1.1).
    public static let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]

    /// The levels that this build of libzstd takes.
    public static var levels: ClosedRange<Int> { Int(ZSTD_minCLevel())...Int(ZSTD_maxCLevel()) }

    /// The most bytes that `count` bytes can become when they are compressed.
    public static func compressBound(_ count: Int) -> Int { ZSTD_compressBound(count) }
}

/// One compression context, reused for every block: making one costs more than a small block does.
///
/// Each call gives one complete frame that holds its content size.
public struct ZstdCompressor: ~Copyable {
    private let context: OpaquePointer
    public let level: Int

    /// - Parameter checksum: whether each frame ends with a checksum of its content.
    /// - Throws: when the level is outside `Zstd.levels` or there is no memory for a context.
    public init(level: Int = 3, checksum: Bool = false) throws(ZstdError) {
        guard Zstd.levels.contains(level) else {
            throw ZstdError("zstd: level: found \(level), expected \(Zstd.levels.lowerBound) to \(Zstd.levels.upperBound)")
        }
        guard let context = ZSTD_createCCtx() else { throw ZstdError("zstd: no memory for a compression context") }
        self.context = context
        self.level = level
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Compresses `source` into `target` and returns the length of the frame.
    ///
    /// - Throws: when `target` is shorter than needed; `Zstd.compressBound` bytes always suffice.
    public mutating func compress(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) -> Int {
        let length = ZSTD_compress2(context, target.baseAddress, target.count, source.baseAddress, source.count)
        if ZSTD_isError(length) != 0 { throw ZstdError("compress", code: length) }
        return length
    }

    /// The compressed frame of `source`.
    public mutating func compress(_ source: Span<UInt8>) throws(ZstdError) -> [UInt8] {
        let bound = Zstd.compressBound(source.count)
        var failure: ZstdError?
        let frame = [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            count = 0
            source.withUnsafeBytes { bytes in
                do throws(ZstdError) {
                    count = try compress(bytes, into: UnsafeMutableRawBufferPointer(target))
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return frame
    }
}

/// One decompression context, reused for every block.
public struct ZstdDecompressor: ~Copyable {
    private let context: OpaquePointer

    public init() throws(ZstdError) {
        guard let context = ZSTD_createDCtx() else { throw ZstdError("zstd: no memory for a decompression context") }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses all frames of `source` into `target` and returns the number of bytes written.
    ///
    /// - Throws: when the bytes are damaged or do not fit. Nothing outside `target` is ever written.
    public mutating func decompress(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) -> Int {
        let length = ZSTD_decompressDCtx(context, target.baseAddress, target.count, source.baseAddress, source.count)
        if ZSTD_isError(length) != 0 { throw ZstdError("decompress", code: length) }
        return length
    }

    /// The content of `source`, which must be exactly `count` bytes.
    public mutating func decompress(_ source: Span<UInt8>, count: Int) throws(ZstdError) -> [UInt8] {
        guard count >= 0 else { throw ZstdError("zstd: decompress: negative length \(count)") }
        var failure: ZstdError?
        let content = [UInt8](unsafeUninitializedCapacity: count) { target, written in
            written = 0
            source.withUnsafeBytes { bytes in
                do throws(ZstdError) {
                    written = try decompress(bytes, into: UnsafeMutableRawBufferPointer(target))
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        guard content.count == count else {
            throw ZstdError("zstd: decompress: found \(content.count) bytes, expected \(count)")
        }
        return content
    }
}
