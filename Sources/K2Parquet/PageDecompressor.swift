import K2Bytes
import K2Compression

/// Decompresses the pages of one column chunk into one buffer.
struct PageDecompressor: ~Copyable {
    private let codec: CompressionCodec
    private let limit: Int
    private var zstd: ZstdDecompressor?
    private var gzip: GzipDecompressor?
    private(set) var content = PageBuffer(capacity: 1 << 12)

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

    /// Puts the `count` bytes that `body` holds into `content`.
    ///
    /// - Throws: `tooLarge` beyond the limit, and when the body does not hold exactly `count` bytes.
    mutating func decompress(_ body: UnsafeRawBufferPointer, count: Int, isCompressed: Bool = true) throws {
        guard count <= limit else { throw ParquetError(.tooLarge, "", "page of \(count) bytes, expected at most \(limit)") }
        content.removeAll()
        guard count <= expansionBound(body.count, isCompressed) else {
            throw ParquetError(.malformed, "", "page of \(count) bytes from \(body.count)")
        }
        let target = UnsafeMutableRawBufferPointer(start: content.reserve(count), count: count)
        let found: Int
        switch isCompressed && !(count == 0 && body.isEmpty) ? codec : .uncompressed {
        case .zstd: found = try zstd?.decompress(body, into: target) ?? 0
        case .gzip: found = try gzip?.decompress(body, into: target) ?? 0
        case .snappy:
            let stated = try Snappy.uncompressedLength(body)
            guard stated == count else { throw ParquetError(.malformed, "", "page of \(stated) bytes, expected \(count)") }
            found = try Snappy.decompress(body, into: target)
        default:
            found = body.count
            if found == count { target.copyMemory(from: body) }
        }
        guard found == count else { throw ParquetError(.malformed, "", "page of \(found) bytes, expected \(count)") }
        content.commit(count)
    }

    /// What `count` compressed bytes can become at most: a page that claims more is refused before room is made for it.
    private func expansionBound(_ count: Int, _ isCompressed: Bool) -> Int {
        guard isCompressed else { return count }
        switch codec {
        case .gzip: return GzipDecompressor.expansionBound(count)
        case .snappy: return Snappy.expansionBound(count)
        // A zstd block of 4 bytes can hold 128 KiB, and no more.
        case .zstd: return (count + 1).multipliedReportingOverflow(by: 128 << 10).partialValue
        default: return count
        }
    }
}
