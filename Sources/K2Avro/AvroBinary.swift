import K2Bytes

// Avro's binary encoding: https://avro.apache.org/docs/1.11.1/specification/ (section "Binary Encoding").

extension AvroSchema {
    /// Appends `value` as this schema has it. A union takes the first branch that fits the value.
    public func encode(_ value: AvroValue, into writer: inout ByteWriter) throws(AvroError) {
        switch (kind, value) {
        case (.null, .null): break
        case (.boolean, .boolean(let flag)): writer.append(flag ? 1 : 0)
        case (.int, .long(let number)):
            guard Int32(exactly: number) != nil else { throw AvroError(.mismatch, "int: \(number) does not fit") }
            writer.appendZigzag(number)
        case (.long, .long(let number)): writer.appendZigzag(number)
        case (.float, .float(let number)): writer.appendLittleEndian(number.bitPattern)
        case (.double, .double(let number)): writer.appendLittleEndian(number.bitPattern)
        case (.bytes, .bytes(let bytes)):
            writer.appendZigzag(Int64(bytes.count))
            writer.append(bytes)
        case (.string, .string(let text)):
            writer.appendZigzag(Int64(text.utf8.count))
            writer.append(string: text)
        case (.fixed(let name, let size), .bytes(let bytes)):
            guard bytes.count == size else { throw AvroError(.mismatch, "fixed \(name): expected \(size) bytes, found \(bytes.count)") }
            writer.append(bytes)
        case (.array(let items), .array(let values)): try encode(values, of: items, into: &writer)
        case (.map(let items), .map(let entries)): try encode(entries, of: items, into: &writer)
        case (.record(let name, let fields), .record(let values)):
            guard fields.count == values.count else {
                throw AvroError(.mismatch, "record \(name): expected \(fields.count) values, found \(values.count)")
            }
            for (field, value) in zip(fields, values) { try field.schema.encode(value, into: &writer) }
        case (.union(let branches), _):
            guard let branch = branches.firstIndex(where: { $0.accepts(value) }) else {
                throw AvroError(.mismatch, "union: no branch takes \(value.kindName)")
            }
            writer.appendZigzag(Int64(branch))
            try branches[branch].encode(value, into: &writer)
        default: throw AvroError(.mismatch, "expected \(kindName), found \(value.kindName)")
        }
    }

    private func encode(_ values: [AvroValue], of items: AvroSchema, into writer: inout ByteWriter) throws(AvroError) {
        if !values.isEmpty { writer.appendZigzag(Int64(values.count)) }
        for value in values { try items.encode(value, into: &writer) }
        writer.append(0)
    }

    private func encode(_ entries: [AvroMapEntry], of items: AvroSchema, into writer: inout ByteWriter) throws(AvroError) {
        if !entries.isEmpty { writer.appendZigzag(Int64(entries.count)) }
        for entry in entries {
            try AvroSchema.string.encode(.string(entry.key), into: &writer)
            try items.encode(entry.value, into: &writer)
        }
        writer.append(0)
    }

    private func accepts(_ value: AvroValue) -> Bool {
        switch (kind, value) {
        case (.null, .null), (.boolean, .boolean), (.int, .long), (.long, .long), (.float, .float), (.double, .double), (.bytes, .bytes),
            (.string, .string), (.fixed, .bytes), (.array, .array), (.map, .map), (.record, .record):
            true
        default: false
        }
    }

    private var kindName: String {
        switch kind {
        case .fixed(let name, _): "fixed \(name)"
        case .array: "an array"
        case .map: "a map"
        case .record(let name, _): "record \(name)"
        case .union: "a union"
        default: primitiveName ?? "null"
        }
    }
}

/// Reads values from bytes that came from outside.
///
/// Memory is bounded by the input: a length may not exceed the bytes that are left, and the number
/// of values (which may take no bytes at all, such as null) not a fixed multiple of the input.
public struct AvroDecoder: ~Escapable {
    private var cursor: ByteCursor
    private var valuesLeft: Int
    private static let maxDepth = 160

    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>) {
        cursor = ByteCursor(bytes)
        valuesLeft = bytes.count * 8 + 16
    }

    public var offset: Int { cursor.offset }
    public var isAtEnd: Bool { cursor.isAtEnd }

    @_lifetime(self: copy self)
    public mutating func decode(_ schema: AvroSchema) throws(AvroError) -> AvroValue {
        try decode(schema, depth: 0)
    }

    @_lifetime(self: copy self)
    private mutating func decode(_ schema: AvroSchema, depth: Int) throws(AvroError) -> AvroValue {
        valuesLeft -= 1
        guard valuesLeft >= 0 else { throw AvroError(.malformed, "more values than the bytes can hold", at: cursor.offset) }
        guard depth < Self.maxDepth else { throw AvroError(.malformed, "nested too deep", at: cursor.offset) }
        switch schema.kind {
        case .null: return .null
        case .boolean:
            let start = cursor.offset
            let byte = try readByte()
            guard byte <= 1 else { throw AvroError(.malformed, "boolean: expected 0 or 1, found \(byte)", at: start) }
            return .boolean(byte == 1)
        case .int:
            let start = cursor.offset
            let number = try zigzag()
            guard Int32(exactly: number) != nil else { throw AvroError(.malformed, "int: \(number) does not fit", at: start) }
            return .long(number)
        case .long: return .long(try zigzag())
        case .float: return .float(Float(bitPattern: try littleEndian(UInt32.self)))
        case .double: return .double(Double(bitPattern: try littleEndian(UInt64.self)))
        case .bytes: return .bytes(try bytes(count: try length()))
        case .fixed(_, let size): return .bytes(try bytes(count: size))
        case .string: return .string(try string())
        case .array(let items): return .array(try array(of: items, depth: depth))
        case .map(let values): return .map(try map(of: values, depth: depth))
        case .record(_, let fields):
            var values: [AvroValue] = []
            values.reserveCapacity(fields.count)
            for field in fields { values.append(try decode(field.schema, depth: depth + 1)) }
            return .record(values)
        case .union(let branches):
            let start = cursor.offset
            let branch = try zigzag()
            guard branch >= 0, branch < branches.count else {
                throw AvroError(.malformed, "union: branch \(branch) of \(branches.count)", at: start)
            }
            return try decode(branches[Int(branch)], depth: depth + 1)
        }
    }

    @_lifetime(self: copy self)
    private mutating func array(of items: AvroSchema, depth: Int) throws(AvroError) -> [AvroValue] {
        var result: [AvroValue] = []
        while case let count = try blockCount(), count > 0 {
            for _ in 0..<count { result.append(try decode(items, depth: depth + 1)) }
        }
        return result
    }

    @_lifetime(self: copy self)
    private mutating func map(of values: AvroSchema, depth: Int) throws(AvroError) -> [AvroMapEntry] {
        var result: [AvroMapEntry] = []
        while case let count = try blockCount(), count > 0 {
            for _ in 0..<count {
                let key = try string()
                result.append(AvroMapEntry(key, try decode(values, depth: depth + 1)))
            }
        }
        return result
    }

    /// The number of items in the next block; 0 ends the list. A negative count is followed by the block's size in bytes.
    @_lifetime(self: copy self)
    private mutating func blockCount() throws(AvroError) -> Int64 {
        let start = cursor.offset
        let count = try zigzag()
        guard count < 0 else { return count }
        let size = try zigzag()
        guard count != .min, size >= 0 else { throw AvroError(.malformed, "block with an impossible count or size", at: start) }
        return -count
    }

    @_lifetime(self: copy self)
    private mutating func string() throws(AvroError) -> String {
        let start = cursor.offset
        let bytes = try bytes(count: try length())
        guard let text = String(validating: bytes, as: UTF8.self) else { throw AvroError(.malformed, "string is not utf-8", at: start) }
        return text
    }

    @_lifetime(self: copy self)
    private mutating func length() throws(AvroError) -> Int {
        let start = cursor.offset
        let count = try zigzag()
        guard count >= 0, count <= cursor.remaining else {
            throw AvroError(.malformed, "length \(count) with \(cursor.remaining) bytes left", at: start)
        }
        return Int(count)
    }

    @_lifetime(self: copy self)
    private mutating func bytes(count: Int) throws(AvroError) -> [UInt8] {
        do throws(ByteError) {
            return try cursor.read(count).withUnsafeBufferPointer { Array($0) }
        } catch { throw AvroError(error) }
    }

    @_lifetime(self: copy self)
    private mutating func readByte() throws(AvroError) -> UInt8 {
        do throws(ByteError) { return try cursor.readByte() } catch { throw AvroError(error) }
    }

    @_lifetime(self: copy self)
    private mutating func zigzag() throws(AvroError) -> Int64 {
        do throws(ByteError) { return try cursor.readZigzag() } catch { throw AvroError(error) }
    }

    @_lifetime(self: copy self)
    private mutating func littleEndian<T: FixedWidthInteger>(_ type: T.Type) throws(AvroError) -> T {
        do throws(ByteError) { return try cursor.readLittleEndian(T.self) } catch { throw AvroError(error) }
    }
}
