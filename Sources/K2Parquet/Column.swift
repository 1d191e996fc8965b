/// Byte strings of any length, one after the other, as the caller collects them.
///
/// A column holds up to 4 GiB.
public struct ByteColumn: Equatable, Sendable {
    /// Where each value starts; one more entry than there are values, the first is 0.
    public private(set) var offsets: [UInt32]
    public private(set) var data: [UInt8]

    public init() {
        offsets = [0]
        data = []
    }

    /// - Precondition: `offsets` starts at 0, never falls, and ends at `data.count`.
    public init(offsets: [UInt32], data: [UInt8]) {
        precondition(offsets.first == 0 && offsets.last.map { Int($0) } == data.count)
        precondition(zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 })
        self.offsets = offsets
        self.data = data
    }

    public init(_ values: some Sequence<String>) {
        self.init()
        for value in values { append(value) }
    }

    public var count: Int { offsets.count - 1 }

    public mutating func reserveCapacity(_ values: Int, bytes: Int) {
        offsets.reserveCapacity(values + 1)
        data.reserveCapacity(bytes)
    }

    /// - Precondition: the column stays below 4 GiB.
    @inlinable
    public mutating func append(_ value: Span<UInt8>) {
        value.withUnsafeBufferPointer { append($0) }
    }

    /// - Precondition: the column stays below 4 GiB.
    public mutating func append(_ value: UnsafeBufferPointer<UInt8>) {
        data.append(contentsOf: value)
        offsets.append(UInt32(data.count))
    }

    /// Appends the UTF-8 of `value`.
    public mutating func append(_ value: String) {
        var copy = value
        copy.withUTF8 { append($0) }
    }

    /// Appends an empty value; also the placeholder for a null.
    public mutating func appendEmpty() { offsets.append(UInt32(data.count)) }

    public mutating func removeAll(keepingCapacity: Bool = true) {
        offsets.removeAll(keepingCapacity: keepingCapacity)
        offsets.append(0)
        data.removeAll(keepingCapacity: keepingCapacity)
    }

    /// A copy of the value at `index`.
    public subscript(index: Int) -> [UInt8] { Array(data[Int(offsets[index])..<Int(offsets[index + 1])]) }
}

/// Values of one field for all rows of a batch; nulls have a placeholder among the values.
public struct Column: Equatable, Sendable {
    public var values: ColumnValues
    /// One entry a row, false for null; nil when no row is null.
    public var validity: [Bool]?

    public init(_ values: ColumnValues, validity: [Bool]? = nil) {
        self.values = values
        self.validity = validity
    }
}

/// What each field type takes:
/// `bool` boolean · `int32` int32, date · `int64` int64, timestamps · `int128` decimals of any precision
/// (the unscaled number) · `uint128` uuid (most significant byte first) · `bytes` and `dictionary` string,
/// binary, fixed · `list` and `map` theirs.
public indirect enum ColumnValues: Equatable, Sendable {
    case bool([Bool])
    case int32([Int32])
    case int64([Int64])
    case float([Float])
    case double([Double])
    case int128([Int128])
    case uint128([UInt128])
    case bytes(ByteColumn)
    /// `codes` are positions in `values`, which the caller has already made distinct.
    case dictionary(codes: [UInt32], values: ByteColumn)
    case list(offsets: [UInt32], elements: Column)
    case map(offsets: [UInt32], keys: Column, values: Column)

    /// Number of rows.
    public var count: Int {
        switch self {
        case .bool(let values): values.count
        case .int32(let values): values.count
        case .int64(let values): values.count
        case .float(let values): values.count
        case .double(let values): values.count
        case .int128(let values): values.count
        case .uint128(let values): values.count
        case .bytes(let values): values.count
        case .dictionary(let codes, _): codes.count
        case .list(let offsets, _), .map(let offsets, _, _): max(offsets.count - 1, 0)
        }
    }
}

/// Which rows of a batch are written, and in which order.
public enum RowSelection: Sendable {
    case all
    case range(Range<Int>)
    /// Row numbers in the order in which they are to be written, such as a slice of a sorted permutation.
    case rows(ArraySlice<UInt32>)
}
