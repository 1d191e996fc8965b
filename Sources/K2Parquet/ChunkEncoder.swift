import K2Bytes

/// What a column chunk is apart from its bytes.
public struct ChunkDescription: Equatable, Sendable {
    /// The footer's part; offsets count from the chunk's first byte.
    public var metadata: ColumnChunkMetadata
    public var bounds: Bounds?
    public var nullCount: Int
    public var nanCount: Int

    /// Bytes of the chunk.
    public var length: Int { Int(metadata.totalCompressedSize) }
}

/// A column chunk that was encoded apart from the file in which it will be.
public struct EncodedChunk: Sendable {
    public var description: ChunkDescription
    public var bytes: [UInt8]
}

/// Encodes column chunks one by one, in any order, for a `FileAssembler` to put together.
public struct ChunkEncoder: ~Copyable {
    private var chunks: ColumnChunkWriter
    private var output: PageWriter
    private let sink: Sink

    /// Where the parts of the chunk in the making go.
    private final class Sink {
        var target: ByteSink?
    }

    public init(_ options: WriterOptions = WriterOptions()) throws {
        let sink = Sink()
        let output = try PageWriter(options.compression) { try sink.target?($0) }
        self.sink = sink
        self.output = output
        chunks = ColumnChunkWriter(options)
    }

    /// Encodes rows of a batch as the chunk of `leaf`.
    ///
    /// - Parameter target: gets the bytes of the chunk, a page header or a page at a time.
    /// - Precondition: the batch is sealed, its levels are those of the leaf, and `rows` are numbers of its rows.
    public mutating func encode(_ batch: LeafBatch, rows: ArraySlice<UInt32>, as leaf: Leaf, to target: @escaping ByteSink) throws -> ChunkDescription {
        precondition(Int(batch.maxDefinition) == leaf.maxDefinition && Int(batch.maxRepetition) == leaf.maxRepetition)
        let levels = batch.rows(rows)
        let start = output.position
        sink.target = target
        defer { sink.target = nil }
        let result = try chunks.write(batch.encodable(levels.positions), rows: levels, leaf: leaf, type: batch.type, to: &output)
        var chunk = result.chunk
        chunk.dataPageOffset -= start
        if let offset = chunk.dictionaryPageOffset { chunk.dictionaryPageOffset = offset - start }
        return ChunkDescription(metadata: chunk, bounds: result.bounds, nullCount: levels.nullCount, nanCount: result.nanCount)
    }

    /// The same with the bytes in memory.
    public mutating func encode(_ batch: LeafBatch, rows: ArraySlice<UInt32>, as leaf: Leaf) throws -> EncodedChunk {
        final class Bytes { var all: [UInt8] = [] }
        let bytes = Bytes()
        let description = try encode(batch, rows: rows, as: leaf) { part in part.withUnsafeBufferPointer { bytes.all.append(contentsOf: $0) } }
        return EncodedChunk(description: description, bytes: bytes.all)
    }
}
