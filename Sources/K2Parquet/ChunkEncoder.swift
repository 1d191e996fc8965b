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

    /// The bytes of the chunk in the making.
    private final class Sink {
        var bytes: [UInt8] = []

        func append(_ part: Span<UInt8>) { part.withUnsafeBufferPointer { bytes.append(contentsOf: $0) } }

        /// A copy without room to grow, which would be kept for as long as the chunk is.
        var content: [UInt8] { bytes.withUnsafeBufferPointer { Array($0) } }
    }

    public init(_ options: WriterOptions = WriterOptions()) throws {
        let sink = Sink()
        let output = try PageWriter(options.compression) { sink.append($0) }
        self.sink = sink
        self.output = output
        chunks = ColumnChunkWriter(options)
    }

    /// Encodes rows of a batch as the chunk of `leaf`.
    ///
    /// - Precondition: the batch is sealed, its levels are those of the leaf, and `rows` are numbers of its rows.
    public mutating func encode(_ batch: LeafBatch, rows: ArraySlice<UInt32>, as leaf: Leaf) throws -> EncodedChunk {
        precondition(Int(batch.maxDefinition) == leaf.maxDefinition && Int(batch.maxRepetition) == leaf.maxRepetition)
        let levels = batch.rows(rows)
        let start = output.position
        sink.bytes.removeAll(keepingCapacity: true)
        let result = try chunks.write(batch.encodable(levels.positions), rows: levels, leaf: leaf, type: batch.type, to: &output)
        var chunk = result.chunk
        chunk.dataPageOffset -= start
        if let offset = chunk.dictionaryPageOffset { chunk.dictionaryPageOffset = offset - start }
        let description = ChunkDescription(metadata: chunk, bounds: result.bounds, nullCount: levels.nullCount, nanCount: result.nanCount)
        return EncodedChunk(description: description, bytes: sink.content)
    }
}
