import K2Bytes
import K2Compression

/// Receives the bytes of a file in order.
public typealias ByteSink = (Span<UInt8>) throws -> Void

/// Compresses pages and hands them to the sink; knows where in the file it is.
struct PageWriter: ~Copyable {
    private let sink: ByteSink
    private var compressor: ZstdCompressor?
    private var compressed = PageBuffer()
    private var header = ThriftWriter(capacity: 128)
    /// Bytes given to the sink so far.
    private(set) var position: Int64 = 0

    init(_ compression: WriterOptions.Compression, sink: @escaping ByteSink) throws {
        self.sink = sink
        switch compression {
        case .uncompressed: compressor = nil
        case .zstd(let level): compressor = try ZstdCompressor(level: level)
        }
    }

    var codec: CompressionCodec { compressor == nil ? .uncompressed : .zstd }

    mutating func write(_ bytes: Span<UInt8>) throws {
        try sink(bytes)
        position += Int64(bytes.count)
    }

    /// Bytes that `page` takes after compression; it is not written.
    mutating func compressedSize(of page: borrowing PageBuffer) throws -> Int {
        try compress(page)
        return compressor == nil ? page.count : compressed.count
    }

    private mutating func compress(_ page: borrowing PageBuffer) throws {
        compressed.removeAll()
        let bound = Zstd.compressBound(page.count)
        let target = UnsafeMutableRawBufferPointer(start: compressed.reserve(bound), count: bound)
        if let length = try compressor?.compress(page.raw, into: target) { compressed.commit(length) }
    }

    /// Writes one page and adds its sizes, header included, to `chunk`.
    mutating func write(_ page: borrowing PageBuffer, _ kind: PageHeader.Kind, to chunk: inout ColumnChunkMetadata) throws {
        if chunk.codec == .zstd { try compress(page) }
        let length = chunk.codec == .zstd ? compressed.count : page.count
        guard let uncompressedSize = Int32(exactly: page.count), let compressedSize = Int32(exactly: length) else {
            throw ParquetError(.tooLarge, chunk.path.joined(separator: "."), "page of \(page.count) bytes, expected less than 2 GiB")
        }
        header.removeAll()
        PageHeader(kind: kind, uncompressedSize: uncompressedSize, compressedSize: compressedSize).encode(into: &header)
        let headerLength = Int64(header.output.count)
        try sink(header.output.bytes)
        if chunk.codec == .zstd { try sink(compressed.bytes) } else { try sink(page.bytes) }
        position += headerLength + Int64(length)
        chunk.totalUncompressedSize += headerLength + Int64(page.count)
        chunk.totalCompressedSize += headerLength + Int64(length)
    }
}
