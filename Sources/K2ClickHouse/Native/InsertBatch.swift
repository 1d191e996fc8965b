import K2Bytes
import K2Compression
import K2Domain
import K2Rows

/// Rows of one table on their way to ClickHouse: a compressed block, and what is needed to insert it.
///
/// The same rows always give the same batch, token included: inserting it again changes nothing.
public struct InsertBatch: Equatable, Sendable {
    /// Name of the table in the warm store.
    public var table: String
    /// Names of the block's columns, with commas between.
    public var columns: String
    public var rows: Int
    /// Digest of the table's name and the block.
    public var token: UInt128
    /// Time of the oldest row.
    public var oldest: Timestamp
    /// Bytes of the block before compression.
    public var blockBytes: Int
    /// The block in `Native` format, a zstd frame.
    public var block: [UInt8]

    private static let version: UInt8 = 1

    // MARK: As bytes

    /// The batch as a spool keeps it.
    public func write(to output: inout ByteWriter) {
        output.append(Self.version)
        output.appendText(table)
        output.appendText(columns)
        output.appendVarint(UInt64(rows))
        output.appendLittleEndian(token)
        output.appendLittleEndian(oldest.microseconds)
        output.appendVarint(UInt64(blockBytes))
        output.append(block)
    }

    /// - Throws: when the bytes are no batch of this or an earlier version.
    public init(_ bytes: Span<UInt8>) throws(NativeBlockError) {
        do throws(ByteError) {
            var cursor = ByteCursor(bytes)
            guard try cursor.readByte() == Self.version else { throw ByteError(.negativeLength, at: 0) }
            let tableLength = Int(clamping: try cursor.readVarint())
            table = try cursor.read(tableLength).text
            let columnsLength = Int(clamping: try cursor.readVarint())
            columns = try cursor.read(columnsLength).text
            rows = Int(clamping: try cursor.readVarint())
            token = try cursor.readLittleEndian()
            oldest = Timestamp(microseconds: try cursor.readLittleEndian())
            blockBytes = Int(clamping: try cursor.readVarint())
            let rest = cursor.remaining
            block = try cursor.read(rest).withUnsafeBufferPointer { Array($0) }
        } catch {
            throw NativeBlockError(description: "batch: \(error)")
        }
    }

    fileprivate init(table: String, columns: String, rows: Int, token: UInt128, oldest: Timestamp, blockBytes: Int, block: [UInt8]) {
        self.table = table
        self.columns = columns
        self.rows = rows
        self.token = token
        self.oldest = oldest
        self.blockBytes = blockBytes
        self.block = block
    }

    public static func == (a: InsertBatch, b: InsertBatch) -> Bool { a.token == b.token && a.table == b.table && a.rows == b.rows }
}

/// Makes batches of rows, and rows of batches.
public struct InsertBatchCodec: ~Copyable {
    private var compressor: ZstdCompressor
    private var decompressor: ZstdDecompressor

    /// Level 1 costs a third of the writer's time that level 3 does, and the server as much.
    private static let level = 1

    private init(_ compressor: consuming ZstdCompressor, _ decompressor: consuming ZstdDecompressor) {
        self.compressor = compressor
        self.decompressor = decompressor
    }

    /// - Throws: when there is no memory for it.
    public static func make() throws(ZstdError) -> InsertBatchCodec {
        InsertBatchCodec(try ZstdCompressor(level: level), try ZstdDecompressor())
    }

    /// - Parameter rows: row numbers; nil for all, none of which may be dead then.
    public mutating func encode(_ buffer: borrowing RowBuffer, rows: [UInt32]? = nil) throws(ZstdError) -> InsertBatch {
        let definition = buffer.definition
        var block = ByteWriter(capacity: buffer.byteCount + 4096)
        block.append(string: definition.warmName)
        let head = block.count
        NativeBlockWriter.write(buffer, rows: rows, to: &block)
        let token = Digest.hash128(block.bytes)
        let content = block.bytes.extracting(head..<block.count)
        return InsertBatch(
            table: definition.warmName, columns: definition.columns.map(\.name).joined(separator: ","),
            rows: rows?.count ?? buffer.rowCount, token: token, oldest: Self.oldest(buffer, rows), blockBytes: content.count,
            block: try compressor.compress(content))
    }

    private static func oldest(_ buffer: borrowing RowBuffer, _ rows: [UInt32]?) -> Timestamp {
        let times = buffer.times
        let oldest = rows.map { $0.lazy.map { times[Int($0)] }.min() } ?? times.min()
        return Timestamp(microseconds: oldest ?? 0)
    }

    /// The rows of a batch.
    /// - Throws: when the block is damaged or not one of the table.
    public mutating func decode(_ batch: InsertBatch, _ definition: TableDefinition) throws(NativeBlockError) -> RowBuffer {
        let bytes: [UInt8]
        do throws(ZstdError) { bytes = try decompressor.decompress(batch.block.span, count: batch.blockBytes) } catch {
            throw NativeBlockError(description: "block of \(batch.table): \(error)")
        }
        return try NativeBlockReader.read(bytes.span, definition)
    }
}

extension RowBuffer {
    /// The event time of each row, µs since 1970.
    public var times: [Int64] { columns[definition.index(of: definition.timeColumn)!].int64s }
}
