import K2Bytes

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
