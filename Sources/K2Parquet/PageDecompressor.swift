import K2Bytes
import K2Compression

/// Decompresses the pages of one column chunk into one buffer.
struct PageDecompressor: ~Copyable {
    private let codec: CompressionCodec
    private let limit: Int
    private var zstd: ZstdDecompressor?
    private var gzip: GzipDecompressor?
    private var content = PageBuffer(capacity: 1 << 12)

    /// - Parameter limit: longest page after decompression.
    init(_ codec: CompressionCodec, limit: Int) throws {
        self.codec = codec
        self.limit = limit
        switch codec {
        case .uncompressed, .snappy: break
        case .zstd: zstd = try ZstdDecompressor()
        case .gzip: gzip = try GzipDecompressor()
        case .lzo, .brotli, .lz4, .lz4Raw: throw ParquetError(.unsupported, "", "compression \(codec)")
        }
    }

    /// The `count` bytes that `body` holds: good until the next call, and as long as `body`.
    ///
    /// - Throws: `tooLarge` beyond the limit, and when the body does not hold exactly `count` bytes.
    mutating func decompress(_ body: UnsafeRawBufferPointer, count: Int, isCompressed: Bool = true) throws -> UnsafeRawBufferPointer {
        guard count <= limit else { throw ParquetError(.tooLarge, "", "page of \(count) bytes, expected at most \(limit)") }
        // A page without bytes is that of no values, compressed or not.
        if !isCompressed || codec == .uncompressed || (count == 0 && body.isEmpty) {
            guard body.count == count else { throw ParquetError(.malformed, "", "page of \(body.count) bytes, expected \(count)") }
            return body
        }
        guard count <= expansionBound(body.count) else { throw ParquetError(.malformed, "", "page of \(count) bytes from \(body.count)") }
        content.removeAll()
        let found = try decompress(body, into: UnsafeMutableRawBufferPointer(start: content.reserve(count), count: count))
        guard found == count else { throw ParquetError(.malformed, "", "page of \(found) bytes, expected \(count)") }
        content.commit(count)
        return content.raw
    }

    private mutating func decompress(_ body: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws -> Int {
        switch codec {
        case .zstd: return try zstd?.decompress(body, into: target) ?? 0
        case .gzip: return try gzip?.decompress(body, into: target) ?? 0
        case .snappy:
            let stated = try Snappy.uncompressedLength(body)
            return stated == target.count ? try Snappy.decompress(body, into: target) : stated
        default: return 0
        }
    }

    /// What `count` compressed bytes can become at most: a page that claims more is refused before room is made for it.
    private func expansionBound(_ count: Int) -> Int {
        switch codec {
        case .gzip: return GzipDecompressor.expansionBound(count)
        case .snappy: return Snappy.expansionBound(count)
        // A zstd block of 4 bytes can hold 128 KiB, and no more.
        case .zstd: return (count + 1).multipliedReportingOverflow(by: 128 << 10).partialValue
        default: return count
        }
    }
}
