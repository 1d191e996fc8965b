import K2Bytes

/// Some rows of one leaf as they lie in the file: nulls are in the levels only.
public struct LeafColumn: Equatable, Sendable {
    public var leaf: Leaf
    /// One for each entry; empty when the leaf's highest level is 0.
    public var definitionLevels: [UInt8] = []
    /// One for each entry, 0 where a row begins; empty when the leaf is not repeated.
    public var repetitionLevels: [UInt8] = []
    /// Entries: values, nulls and empty lists.
    public var entryCount = 0
    public var values: LeafValues

    public init(leaf: Leaf) {
        self.leaf = leaf
        values = LeafValues(leaf.type, width: leaf.typeLength)
    }

    public var rowCount: Int {
        leaf.maxRepetition == 0 ? entryCount : repetitionLevels.count { $0 == 0 }
    }

    /// Whether there is neither a null nor an empty list.
    public var isFull: Bool { values.count == entryCount }
}

/// Whether values that lie in the file as codes of a dictionary stay so.
public enum DictionaryReading: Sendable {
    /// Values come as values, whatever they are in the file.
    case decoded
    /// Values that the file holds as codes come as `LeafValues.coded`; others as they are.
    case kept
}

/// The dictionary of one column chunk; nothing says that its entries are distinct, or that each is used.
///
/// A reference, so that the pieces of a chunk share it and can be known by it (`===`).
public final class LeafDictionary: Equatable, Sendable {
    /// Never `coded`.
    public let values: LeafValues
    public var count: Int { values.count }

    public init(_ values: LeafValues) {
        if case .coded = values { preconditionFailure("a dictionary of codes") }
        self.values = values
    }

    public static func == (left: LeafDictionary, right: LeafDictionary) -> Bool { left === right || left.values == right.values }
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
    /// Positions in the dictionary, each below its count. Only where `DictionaryReading.kept` was asked for.
    case coded([UInt32], of: LeafDictionary)

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
        case .coded(let codes, _): codes.count
        }
    }

    /// Bytes that the values hold in memory, about; of a dictionary only the codes.
    public var byteCount: Int {
        switch self {
        case .boolean(let values): values.count
        case .int32(let values): values.count * 4
        case .int64(let values): values.count * 8
        case .float(let values): values.count * 4
        case .double(let values): values.count * 8
        case .byteArray(let values): values.data.count + values.count * 4
        case .fixed(_, let bytes): bytes.count
        case .coded(let codes, _): codes.count * 4
        }
    }

    /// Bytes of one value in memory, without the bytes of byte arrays.
    var stride: Int {
        switch self {
        case .boolean: 1
        case .int32, .float, .byteArray, .coded: 4
        case .int64, .double: 8
        case .fixed(let width, _): width
        }
    }
}
