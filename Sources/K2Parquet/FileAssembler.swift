import K2Bytes

/// Puts a Parquet file together from column chunks that are encoded already.
///
/// Unlike `ParquetWriter` it writes schemas with structs, and with lists and maps of anything.
public struct FileAssembler: ~Copyable {
    private let options: WriterOptions
    private var output: PageWriter
    private var footer: FileFooter

    /// Checks the schema and writes the first four bytes.
    public init(_ schema: ParquetSchema, options: WriterOptions = WriterOptions(), sink: @escaping ByteSink) throws {
        let footer = try FileFooter(try schema.elements(.any))
        var magic = ByteWriter(capacity: 16)
        magic.append(FileFooter.magic)
        var output = try PageWriter(.uncompressed, sink: sink)
        try output.write(magic.bytes)
        self.options = options
        self.footer = footer
        self.output = output
    }

    /// The leaves of a schema as a file of it will have them.
    public static func leaves(_ schema: ParquetSchema) throws(ParquetError) -> [Leaf] { try FileFooter(try schema.elements(.any)).leaves }

    public var position: Int64 { output.position }

    /// Writes a row group.
    ///
    /// - Parameters:
    ///   - chunks: one for each leaf.
    ///   - bytes: gives those of a chunk by its number.
    public mutating func append(_ chunks: [ChunkDescription], rowCount: Int, bytes: (Int) throws -> [UInt8]) throws {
        try append(chunks, rowCount: rowCount) { number, part in part == 0 ? try bytes(number) : nil }
    }

    /// Writes a row group.
    ///
    /// - Parameters:
    ///   - chunks: one for each leaf.
    ///   - parts: gives the bytes of a chunk by its number, part after part; nil behind the last one.
    public mutating func append(_ chunks: [ChunkDescription], rowCount: Int, parts: (_ number: Int, _ part: Int) throws -> [UInt8]?) throws {
        let leaves = footer.columns
        guard chunks.count == leaves.count else {
            throw ParquetError(.invalidInput, "row group", "found \(chunks.count) chunks, expected \(leaves.count)")
        }
        let offset = output.position
        var placed: [ChunkDescription] = []
        placed.reserveCapacity(chunks.count)
        for (index, chunk) in chunks.enumerated() {
            guard chunk.metadata.path == leaves[index].leaf.path else {
                throw ParquetError(.invalidInput, leaves[index].leaf.name, "found a chunk of \(chunk.metadata.path.joined(separator: "."))")
            }
            var chunk = chunk
            chunk.metadata.dataPageOffset += output.position
            if let dictionary = chunk.metadata.dictionaryPageOffset { chunk.metadata.dictionaryPageOffset = dictionary + output.position }
            let start = output.position
            var part = 0
            while let bytes = try parts(index, part) {
                try output.write(bytes.span)
                part += 1
            }
            guard output.position - start == Int64(chunk.length) else {
                throw ParquetError(.invalidInput, leaves[index].leaf.name, "found \(output.position - start) bytes, expected \(chunk.length)")
            }
            placed.append(chunk)
        }
        footer.add(placed, rowCount: rowCount, offset: offset)
    }

    /// Writes the footer. The file is complete when this returns.
    public consuming func finish() throws -> FileSummary { try footer.write(options, to: &output) }
}
