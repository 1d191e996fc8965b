import K2Bytes

/// The element types of Thrift's compact protocol, as they stand in field and list headers.
///
/// Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
enum ThriftType: UInt8 {
    case stop = 0
    case booleanTrue = 1
    case booleanFalse = 2
    case int8 = 3
    case int16 = 4
    case int32 = 5
    case int64 = 6
    case double = 7
    case binary = 8
    case list = 9
    case set = 10
    case map = 11
    case structure = 12
    case uuid = 13
}

/// Writes Thrift's compact protocol, in the subset that Parquet's footer and page headers use.
struct ThriftWriter: ~Copyable {
    var output: ByteWriter
    private var lastFieldID: Int16 = 0
    private var enclosing: [Int16] = []

    init(capacity: Int = 256) { output = ByteWriter(capacity: capacity) }

    mutating func removeAll() {
        output.removeAll()
        lastFieldID = 0
        enclosing.removeAll(keepingCapacity: true)
    }

    private mutating func header(_ id: Int16, _ type: ThriftType) {
        let delta = Int(id) - Int(lastFieldID)
        if delta > 0 && delta <= 15 {
            output.append(UInt8(delta << 4) | type.rawValue)
        } else {
            output.append(type.rawValue)
            output.appendZigzag(Int64(id))
        }
        lastFieldID = id
    }

    mutating func field(_ id: Int16, _ value: Bool) { header(id, value ? .booleanTrue : .booleanFalse) }

    mutating func field(_ id: Int16, _ value: Int8) {
        header(id, .int8)
        output.append(UInt8(bitPattern: value))
    }

    mutating func field(_ id: Int16, _ value: Int16) {
        header(id, .int16)
        output.appendZigzag(Int64(value))
    }

    mutating func field(_ id: Int16, _ value: Int32) {
        header(id, .int32)
        output.appendZigzag(Int64(value))
    }

    mutating func field(_ id: Int16, _ value: Int64) {
        header(id, .int64)
        output.appendZigzag(value)
    }

    mutating func field(_ id: Int16, _ value: [UInt8]) {
        header(id, .binary)
        element(value)
    }

    mutating func field(_ id: Int16, _ value: String) {
        header(id, .binary)
        element(value)
    }

    mutating func beginStruct(_ id: Int16) {
        header(id, .structure)
        beginStructElement()
    }

    /// A struct that is an element of a list, so that it has no field header.
    mutating func beginStructElement() {
        enclosing.append(lastFieldID)
        lastFieldID = 0
    }

    mutating func endStruct() {
        output.append(ThriftType.stop.rawValue)
        lastFieldID = enclosing.popLast() ?? 0
    }

    /// The stop byte of the outermost struct.
    mutating func endMessage() { output.append(ThriftType.stop.rawValue) }

    mutating func emptyStruct(_ id: Int16) {
        beginStruct(id)
        endStruct()
    }

    mutating func beginList(_ id: Int16, of type: ThriftType, count: Int) {
        header(id, .list)
        if count < 15 {
            output.append(UInt8(count << 4) | type.rawValue)
        } else {
            output.append(0xf0 | type.rawValue)
            output.appendVarint(UInt64(count))
        }
    }

    mutating func element(_ value: Int32) { output.appendZigzag(Int64(value)) }

    mutating func element(_ value: Int64) { output.appendZigzag(value) }

    mutating func element(_ value: Bool) {
        output.append(value ? ThriftType.booleanTrue.rawValue : ThriftType.booleanFalse.rawValue)
    }

    mutating func element(_ value: [UInt8]) {
        output.appendVarint(UInt64(value.count))
        output.append(value)
    }

    mutating func element(_ value: String) {
        output.appendVarint(UInt64(value.utf8.count))
        output.append(string: value)
    }
}
