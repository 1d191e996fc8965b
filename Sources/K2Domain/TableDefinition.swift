/// The type of a column, independent of any store.
public enum ColumnType: Equatable, Sendable {
    case string
    case boolean
    case int32
    case int64
    /// An instant in UTC, microseconds.
    case timestamp
    case uuid
    case decimal(precision: Int, scale: Int)
    case stringList
    case stringMap
}

/// One column of a table. `key` is its name, and its key in the NDJSON record.
public struct ColumnDefinition: Sendable {
    public var key: StaticString
    public var type: ColumnType
    /// Iceberg field id. It never changes once a table exists.
    public var id: Int
    public var isRequired: Bool
    /// Field ids of a list's element, or of a map's key and value.
    public var nestedIDs: [Int] = []

    public init(key: StaticString, type: ColumnType, id: Int, isRequired: Bool, nestedIDs: [Int] = []) {
        self.key = key
        self.type = type
        self.id = id
        self.isRequired = isRequired
        self.nestedIDs = nestedIDs
    }

    public var name: String { "\(key)" }
}

/// How rows are laid into partitions.
public enum PartitionRule: Equatable, Sendable {
    case day(column: String)
    case month(column: String)
    case identity(column: String)
}

/// One table of the warehouse: the single source of schemas, DDL and row codecs.
public struct TableDefinition: Sendable {
    /// Name in ClickHouse's database `k2`.
    public var warmName: String
    /// Name in Iceberg's namespace `cold`.
    public var coldName: String
    public var columns: [ColumnDefinition]
    /// Partitioning in Iceberg.
    public var partition: [PartitionRule]
    /// Columns by which the rows of a data file are sorted.
    public var sortOrder: [String]
    /// Columns that name a row; a repeated row replaces or is dropped, it is never added.
    public var identity: [String]
    /// Column of the row's event time.
    public var timeColumn: String
    /// Days a row stays in the warm store.
    public var warmDays: Int

    public func column(_ name: String) -> ColumnDefinition? { columns.first { $0.name == name } }

    public func index(of name: String) -> Int? { columns.firstIndex { $0.name == name } }
}
