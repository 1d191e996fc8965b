import K2Bytes

/// The values of one leaf as they lie in the file: nulls are in the levels only.
public struct LeafColumn: Equatable, Sendable {
    public var leaf: Leaf
    /// One for each entry; empty when the leaf's highest level is 0.
    public var definitionLevels: [UInt8] = []
    public var repetitionLevels: [UInt8] = []
    /// Entries: values, nulls and empty lists.
    public var entryCount = 0
    public var values: LeafValues

    public var rowCount: Int {
        leaf.maxRepetition == 0 ? entryCount : repetitionLevels.count { $0 == 0 }
    }
}

/// Values by physical type.
public enum LeafValues: Equatable, Sendable {
    case boolean([Bool])
    case int32([Int32])
    case int64([Int64])
    case float([Float])
    case double([Double])
    case byteArray(ByteColumn)
    /// Values of `width` bytes one after the other; INT96 is here with a width of 12.
    case fixed(width: Int, [UInt8])

    init(_ type: PhysicalType, width: Int) {
        switch type {
        case .boolean: self = .boolean([])
        case .int32: self = .int32([])
        case .int64: self = .int64([])
        case .int96: self = .fixed(width: 12, [])
        case .float: self = .float([])
        case .double: self = .double([])
        case .byteArray: self = .byteArray(ByteColumn())
        case .fixedLenByteArray: self = .fixed(width: width, [])
        }
    }

    public var count: Int {
        switch self {
        case .boolean(let values): values.count
        case .int32(let values): values.count
        case .int64(let values): values.count
        case .float(let values): values.count
        case .double(let values): values.count
        case .byteArray(let values): values.count
        case .fixed(let width, let bytes): bytes.count / width
        }
    }

    /// Bytes that the values hold in memory, about.
    var byteCount: Int {
        switch self {
        case .boolean(let values): values.count
        case .int32(let values): values.count * 4
        case .int64(let values): values.count * 8
        case .float(let values): values.count * 4
        case .double(let values): values.count * 8
        case .byteArray(let values): values.data.count + values.count * 4
        case .fixed(_, let bytes): bytes.count
        }
    }
}
