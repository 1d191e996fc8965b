/// What a Parquet footer says. Source: `FileMetaData` in parquet.thrift.
public struct FileMetadata: Equatable, Sendable {
    /// Version of the format, 1 or 2. Readers do not decide by it.
    public var version: Int32
    /// The schema tree in depth-first order; the first element is the root.
    public var schema: [SchemaElement]
    public var rowCount: Int64
    public var rowGroups: [RowGroupMetadata]
    public var keyValues: [KeyValue]
    public var createdBy: String?
    /// Whether the file states that bounds follow the order of each column's type.
    public var hasTypeDefinedOrder: Bool

    public init(
        version: Int32 = 2, schema: [SchemaElement], rowCount: Int64, rowGroups: [RowGroupMetadata],
        keyValues: [KeyValue] = [], createdBy: String? = nil, hasTypeDefinedOrder: Bool = true
    ) {
        self.version = version
        self.schema = schema
        self.rowCount = rowCount
        self.rowGroups = rowGroups
        self.keyValues = keyValues
        self.createdBy = createdBy
        self.hasTypeDefinedOrder = hasTypeDefinedOrder
    }
}

public struct KeyValue: Equatable, Sendable {
    public var key: String
    public var value: String?

    public init(_ key: String, _ value: String?) {
        self.key = key
        self.value = value
    }
}

/// One node of the schema tree.
public struct SchemaElement: Equatable, Sendable {
    public var name: String
    /// Nil for groups.
    public var type: PhysicalType?
    /// Bytes of a FIXED_LEN_BYTE_ARRAY.
    public var typeLength: Int32?
    /// Nil for the root.
    public var repetition: Repetition?
    public var childCount: Int32?
    public var convertedType: ConvertedType?
    public var scale: Int32?
    public var precision: Int32?
    public var fieldID: Int32?
    public var logicalType: LogicalType?

    public init(
        name: String, type: PhysicalType? = nil, typeLength: Int32? = nil, repetition: Repetition? = nil,
        childCount: Int32? = nil, convertedType: ConvertedType? = nil, scale: Int32? = nil,
        precision: Int32? = nil, fieldID: Int32? = nil, logicalType: LogicalType? = nil
    ) {
        self.name = name
        self.type = type
        self.typeLength = typeLength
        self.repetition = repetition
        self.childCount = childCount
        self.convertedType = convertedType
        self.scale = scale
        self.precision = precision
        self.fieldID = fieldID
        self.logicalType = logicalType
    }
}

public struct RowGroupMetadata: Equatable, Sendable {
    public var columns: [ColumnChunkMetadata]
    /// Uncompressed bytes of all columns, page headers included.
    public var totalByteSize: Int64
    public var rowCount: Int64
    /// Where its first page starts in the file.
    public var fileOffset: Int64?
    public var totalCompressedSize: Int64?
    public var ordinal: Int16?
}

/// One column of one row group.
public struct ColumnChunkMetadata: Equatable, Sendable {
    public var type: PhysicalType
    public var encodings: [Encoding]
    /// Names from below the root down to the leaf.
    public var path: [String]
    public var codec: CompressionCodec
    /// Number of values with nulls counted, and empty lists counted as one.
    public var valueCount: Int64
    /// Bytes of all pages with their headers, before and after compression.
    public var totalUncompressedSize: Int64
    public var totalCompressedSize: Int64
    public var dataPageOffset: Int64
    public var dictionaryPageOffset: Int64?
    public var statistics: ColumnStatistics?
    public var encodingStats: [PageEncodingCount] = []
    /// Where the column index and offset index lie, when the file has them.
    public var columnIndex: FileRange?
    public var offsetIndex: FileRange?
}

public struct FileRange: Equatable, Sendable {
    public var offset: Int64
    public var length: Int32
}

public struct PageEncodingCount: Equatable, Sendable {
    public var pageType: PageType
    public var encoding: Encoding
    public var count: Int32
}

/// Bounds and counts of a column chunk as the file states them; bounds are PLAIN encoded without length.
public struct ColumnStatistics: Equatable, Sendable {
    public var nullCount: Int64?
    public var distinctCount: Int64?
    public var min: [UInt8]?
    public var max: [UInt8]?
    /// False when a bound was cut short: then it is only below or above all values.
    public var isMinExact: Bool?
    public var isMaxExact: Bool?

    public init(
        nullCount: Int64? = nil, distinctCount: Int64? = nil, min: [UInt8]? = nil, max: [UInt8]? = nil,
        isMinExact: Bool? = nil, isMaxExact: Bool? = nil
    ) {
        self.nullCount = nullCount
        self.distinctCount = distinctCount
        self.min = min
        self.max = max
        self.isMinExact = isMinExact
        self.isMaxExact = isMaxExact
    }
}
