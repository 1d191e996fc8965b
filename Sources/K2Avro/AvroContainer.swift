import K2Bytes
import K2JSON

// Object container files: https://avro.apache.org/docs/1.11.1/specification/ (section "Object Container Files").

public enum AvroCodec: String, Sendable {
    case null, deflate
}

private let containerMagic: [UInt8] = [0x4f, 0x62, 0x6a, 0x01]

/// Makes one object container file in memory: header, blocks of about 64 KB, sync markers.
public struct AvroFileWriter: ~Copyable {
    public let schema: AvroSchema
    public let codec: AvroCodec
    private let syncMarker: [UInt8]
    private var file: ByteWriter
    private var block: ByteWriter
    private var blockCount: Int64
    private static let blockSize = 64 * 1024

    /// - Parameters:
    ///   - metadata: file metadata beside `avro.schema` and `avro.codec`, in this order.
    ///   - syncMarker: 16 bytes that separate blocks; should differ from file to file.
    public init(schema: AvroSchema, metadata: [(key: String, value: [UInt8])], codec: AvroCodec, syncMarker: [UInt8]) throws(AvroError) {
        let header = try Self.header(schema, metadata, codec, syncMarker)
        self.schema = schema
        self.codec = codec
        self.syncMarker = syncMarker
        file = ByteWriter(capacity: header.count + 8192)
        file.append(header)
        block = ByteWriter(capacity: 4096)
        blockCount = 0
    }

    private static func header(
        _ schema: AvroSchema, _ metadata: [(key: String, value: [UInt8])], _ codec: AvroCodec, _ syncMarker: [UInt8]
    ) throws(AvroError) -> [UInt8] {
        guard syncMarker.count == 16 else { throw AvroError(.mismatch, "sync marker: expected 16 bytes, found \(syncMarker.count)") }
        var header = ByteWriter(capacity: 8192)
        header.append(containerMagic)
        let all = [(key: "avro.schema", value: schema.json.bytes), (key: "avro.codec", value: Array(codec.rawValue.utf8))] + metadata
        let entries = all.map { AvroMapEntry($0.key, .bytes($0.value)) }
        try AvroSchema(.map(.bytes)).encode(.map(entries), into: &header)
        header.append(syncMarker)
        return header.array
    }

    /// Bytes so far, before compression of the open block.
    public var estimatedCount: Int { file.count + block.count }

    public mutating func append(_ value: AvroValue) throws(AvroError) {
        let before = block.count
        do throws(AvroError) { try schema.encode(value, into: &block) } catch {
            block.truncate(to: before)
            throw error
        }
        blockCount += 1
        if block.count >= Self.blockSize { try flush() }
    }

    private mutating func flush() throws(AvroError) {
        if blockCount == 0 { return }
        var content = block.array
        if codec == .deflate {
            guard let small = RawDeflate.compress(content) else { throw AvroError(.mismatch, "deflate failed") }
            content = small
        }
        file.appendZigzag(blockCount)
        file.appendZigzag(Int64(content.count))
        file.append(content)
        file.append(syncMarker)
        block.removeAll()
        blockCount = 0
    }

    /// The whole file.
    public consuming func finish() throws(AvroError) -> [UInt8] {
        try flush()
        return file.array
    }
}

/// A container file that was read completely.
public struct AvroFile: Sendable {
    public var schema: AvroSchema
    /// File metadata with `avro.schema` and `avro.codec`.
    public var metadata: [String: [UInt8]]
    public var values: [AvroValue]

    /// The metadata value called `key` as text.
    public func text(_ key: String) -> String? { metadata[key].flatMap { String(validating: $0, as: UTF8.self) } }

    /// Reads all blocks.
    ///
    /// - Parameter limit: largest allowed size of all blocks once decompressed, in bytes. By default
    ///   4 MB and 50 times the file, which manifests stay far below and a deflate bomb does not.
    public init(reading bytes: [UInt8], limit: Int? = nil) throws(AvroError) {
        var blocks = try AvroBlocks(bytes, limit: limit)
        schema = blocks.schema
        metadata = blocks.metadata
        values = []
        while let block = try blocks.next() { try read(block) }
    }

    private mutating func read(_ block: AvroBlocks.Block) throws(AvroError) {
        var decoder = AvroDecoder(block.content.span)
        for _ in 0..<block.count { values.append(try decoder.decode(schema)) }
        guard decoder.isAtEnd else { throw block.leftOver(from: decoder.offset) }
    }
}

/// The blocks of a container file, decompressed one after the other.
struct AvroBlocks {
    struct Block {
        /// Records.
        var count: Int64
        var content: [UInt8]
        /// Where the block begins in the file.
        var offset: Int

        func leftOver(from place: Int) -> AvroError {
            AvroError(.malformed, "block at byte \(offset): \(content.count - place) bytes left over", at: place)
        }
    }

    let schema: AvroSchema
    let metadata: [String: [UInt8]]
    private let bytes: [UInt8]
    private let codec: AvroCodec
    private let sync: [UInt8]
    private let limit: Int
    private var total = 0
    private var offset: Int

    init(_ bytes: [UInt8], limit: Int?) throws(AvroError) {
        self.bytes = bytes
        self.limit = limit ?? (4 << 20) + 50 * min(bytes.count, 1 << 40)
        var cursor = ByteCursor(bytes.span)
        (schema, metadata) = try Self.header(&cursor)
        let codecName = metadata["avro.codec"].map { String(decoding: $0, as: UTF8.self) } ?? "null"
        guard let codec = AvroCodec(rawValue: codecName) else { throw AvroError(.unsupported, "codec \"\(codecName)\" is not read") }
        self.codec = codec
        sync = try Self.take(16, &cursor)
        offset = cursor.offset
    }

    mutating func next() throws(AvroError) -> Block? {
        if offset >= bytes.count { return nil }
        let (start, bytes) = (offset, bytes)
        var cursor = ByteCursor(bytes.span)
        do throws(ByteError) { try cursor.skip(start) } catch { throw AvroError(error) }
        let (count, size) = try Self.head(&cursor)
        var content = try Self.take(size, &cursor)
        if codec == .deflate {
            guard let plain = RawDeflate.decompress(content, limit: limit - total) else {
                throw AvroError(.malformed, "block: deflate data is damaged or too large", at: start)
            }
            content = plain
        }
        total += content.count
        guard try Self.take(16, &cursor) == sync else { throw AvroError(.malformed, "block: sync marker differs", at: start) }
        offset = cursor.offset
        return Block(count: count, content: content, offset: start)
    }

    private static func header(_ cursor: inout ByteCursor) throws(AvroError) -> (AvroSchema, [String: [UInt8]]) {
        guard cursor.remaining >= 4, try take(4, &cursor) == containerMagic else { throw AvroError(.malformed, "not an avro container file", at: 0) }
        let start = cursor.offset
        var decoder = AvroDecoder(cursor.bytes.extracting(start..<cursor.bytes.count))
        guard case .map(let entries) = try decoder.decode(AvroSchema(.map(.bytes))) else { throw AvroError(.malformed, "no metadata", at: start) }
        do throws(ByteError) { try cursor.skip(decoder.offset) } catch { throw AvroError(error) }
        var metadata: [String: [UInt8]] = [:]
        for entry in entries { metadata[entry.key] = entry.value.bytesValue ?? [] }
        guard let text = metadata["avro.schema"] else { throw AvroError(.malformed, "no schema in the header", at: start) }
        return (try AvroSchema(parsing: text), metadata)
    }

    private static func head(_ cursor: inout ByteCursor) throws(AvroError) -> (Int64, Int) {
        let start = cursor.offset
        do throws(ByteError) {
            let count = try cursor.readZigzag()
            let size = try cursor.readZigzag()
            guard count >= 0, size >= 0, size <= cursor.remaining else {
                throw ByteError(.negativeLength, at: start)
            }
            return (count, Int(size))
        } catch { throw AvroError(error) }
    }

    private static func take(_ count: Int, _ cursor: inout ByteCursor) throws(AvroError) -> [UInt8] {
        do throws(ByteError) {
            return try cursor.read(count).withUnsafeBufferPointer { Array($0) }
        } catch { throw AvroError(error) }
    }
}
