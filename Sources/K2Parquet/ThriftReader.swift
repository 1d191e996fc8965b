import K2Bytes

/// Reads Thrift's compact protocol from foreign bytes.
///
/// Lengths are checked against the bytes that are there, nesting is bounded, and unknown fields are
/// skipped. A struct is read as `reader.beginStruct()`, then `nextField()` until it gives nil.
struct ThriftReader: ~Escapable {
    struct Field {
        var id: Int16
        var type: ThriftType
    }

    private(set) var cursor: ByteCursor
    /// Where the bytes come from, for messages.
    private let place: String
    private var lastFieldID: Int16 = 0
    private var enclosing: [Int16] = []
    private static let maxDepth = 32

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, place: String) {
        cursor = ByteCursor(bytes)
        self.place = place
    }

    func malformed(_ message: String) -> ParquetError {
        ParquetError(.malformed, place, "\(message) (byte \(cursor.offset))")
    }

    @_lifetime(self: copy self)
    private mutating func varint() throws(ParquetError) -> UInt64 {
        do { return try cursor.readVarint() } catch { throw ParquetError(.malformed, place, error.description) }
    }

    @_lifetime(self: copy self)
    private mutating func byte() throws(ParquetError) -> UInt8 {
        do { return try cursor.readByte() } catch { throw ParquetError(.malformed, place, error.description) }
    }

    @_lifetime(self: copy self)
    private mutating func type(_ nibble: UInt8) throws(ParquetError) -> ThriftType {
        guard let type = ThriftType(rawValue: nibble) else { throw malformed("unknown thrift type \(nibble)") }
        return type
    }

    @_lifetime(self: copy self)
    mutating func beginStruct() throws(ParquetError) {
        guard enclosing.count < Self.maxDepth else { throw malformed("structs nested deeper than \(Self.maxDepth)") }
        enclosing.append(lastFieldID)
        lastFieldID = 0
    }

    /// The next field's header, or nil at the end of the struct.
    @_lifetime(self: copy self)
    mutating func nextField() throws(ParquetError) -> Field? {
        let head = try byte()
        let type = try type(head & 0x0f)
        if type == .stop {
            lastFieldID = enclosing.popLast() ?? 0
            return nil
        }
        if head >> 4 != 0 {
            let (id, overflow) = lastFieldID.addingReportingOverflow(Int16(head >> 4))
            guard !overflow else { throw malformed("field id beyond 32767") }
            lastFieldID = id
        } else {
            guard let id = Int16(exactly: Varint.unzigzag(try varint())) else { throw malformed("field id beyond 16 bits") }
            lastFieldID = id
        }
        return Field(id: lastFieldID, type: type)
    }

    @_lifetime(self: copy self)
    private mutating func expect(_ field: Field, _ type: ThriftType) throws(ParquetError) {
        guard field.type == type else {
            throw malformed("field \(field.id): found thrift type \(field.type), expected \(type)")
        }
    }

    @_lifetime(self: copy self)
    mutating func bool(_ field: Field) throws(ParquetError) -> Bool {
        switch field.type {
        case .booleanTrue: return true
        case .booleanFalse: return false
        default: throw malformed("field \(field.id): found thrift type \(field.type), expected a boolean")
        }
    }

    @_lifetime(self: copy self)
    mutating func int8(_ field: Field) throws(ParquetError) -> Int8 {
        try expect(field, .int8)
        return Int8(bitPattern: try byte())
    }

    @_lifetime(self: copy self)
    mutating func int16(_ field: Field) throws(ParquetError) -> Int16 {
        try expect(field, .int16)
        guard let value = Int16(exactly: Varint.unzigzag(try varint())) else { throw malformed("field \(field.id): more than 16 bits") }
        return value
    }

    @_lifetime(self: copy self)
    mutating func int32(_ field: Field) throws(ParquetError) -> Int32 {
        try expect(field, .int32)
        return try int32Element()
    }

    @_lifetime(self: copy self)
    mutating func int64(_ field: Field) throws(ParquetError) -> Int64 {
        try expect(field, .int64)
        return Varint.unzigzag(try varint())
    }

    @_lifetime(self: copy self)
    mutating func binary(_ field: Field) throws(ParquetError) -> [UInt8] {
        try expect(field, .binary)
        return try binaryElement()
    }

    @_lifetime(self: copy self)
    mutating func string(_ field: Field) throws(ParquetError) -> String {
        String(decoding: try binary(field), as: UTF8.self)
    }

    @_lifetime(self: copy self)
    mutating func structure(_ field: Field) throws(ParquetError) {
        try expect(field, .structure)
        try beginStruct()
    }

    /// The number of elements of a list of `type`. Every element takes at least one byte, so a
    /// number above what is left is refused here.
    @_lifetime(self: copy self)
    mutating func list(_ field: Field, of type: ThriftType) throws(ParquetError) -> Int {
        try expect(field, .list)
        let (found, count) = try listHeader()
        let isBoolean = { (type: ThriftType) in type == .booleanTrue || type == .booleanFalse }
        guard found == type || count == 0 || (isBoolean(found) && isBoolean(type)) else {
            throw malformed("field \(field.id): found a list of \(found), expected a list of \(type)")
        }
        return count
    }

    @_lifetime(self: copy self)
    private mutating func listHeader() throws(ParquetError) -> (ThriftType, Int) {
        let head = try byte()
        let elements = try type(head & 0x0f)
        let count = head >> 4 == 15 ? try varint() : UInt64(head >> 4)
        guard count <= UInt64(cursor.remaining) else {
            throw malformed("list of \(count) elements in \(cursor.remaining) bytes")
        }
        return (elements, Int(count))
    }

    @_lifetime(self: copy self)
    mutating func int32Element() throws(ParquetError) -> Int32 {
        guard let value = Int32(exactly: Varint.unzigzag(try varint())) else { throw malformed("more than 32 bits") }
        return value
    }

    @_lifetime(self: copy self)
    mutating func int64Element() throws(ParquetError) -> Int64 { Varint.unzigzag(try varint()) }

    @_lifetime(self: copy self)
    mutating func boolElement() throws(ParquetError) -> Bool { try byte() == ThriftType.booleanTrue.rawValue }

    @_lifetime(self: copy self)
    mutating func binaryElement() throws(ParquetError) -> [UInt8] {
        let count = try length()
        do {
            return try cursor.read(count).withUnsafeBufferPointer { Array($0) }
        } catch {
            throw ParquetError(.malformed, place, "\(error)")
        }
    }

    @_lifetime(self: copy self)
    private mutating func length() throws(ParquetError) -> Int {
        let count = try varint()
        guard count <= UInt64(cursor.remaining) else {
            throw malformed("length \(count) where \(cursor.remaining) bytes are left")
        }
        return Int(count)
    }

    @_lifetime(self: copy self)
    mutating func skip(_ field: Field) throws(ParquetError) { try skip(field.type, inList: false, depth: enclosing.count) }

    @_lifetime(self: copy self)
    private mutating func skip(_ type: ThriftType, inList: Bool, depth: Int) throws(ParquetError) {
        guard depth < Self.maxDepth else { throw malformed("values nested deeper than \(Self.maxDepth)") }
        switch type {
        case .stop: throw malformed("a value of type stop")
        case .booleanTrue, .booleanFalse: if inList { _ = try byte() }
        case .int8: _ = try byte()
        case .int16, .int32, .int64: _ = try varint()
        case .double: try skipBytes(8)
        case .uuid: try skipBytes(16)
        case .binary: try skipBytes(try length())
        case .list, .set:
            let (elements, count) = try listHeader()
            for _ in 0..<count { try skip(elements, inList: true, depth: depth + 1) }
        case .map: try skipMap(depth: depth)
        case .structure:
            try beginStruct()
            while let field = try nextField() { try skip(field.type, inList: false, depth: depth + 1) }
        }
    }

    @_lifetime(self: copy self)
    private mutating func skipMap(depth: Int) throws(ParquetError) {
        let count = try length()
        if count == 0 { return }
        let types = try byte()
        let (key, value) = (try type(types >> 4), try type(types & 0x0f))
        for _ in 0..<count {
            try skip(key, inList: true, depth: depth + 1)
            try skip(value, inList: true, depth: depth + 1)
        }
    }

    @_lifetime(self: copy self)
    private mutating func skipBytes(_ count: Int) throws(ParquetError) {
        do { try cursor.skip(count) } catch { throw ParquetError(.malformed, place, error.description) }
    }
}
