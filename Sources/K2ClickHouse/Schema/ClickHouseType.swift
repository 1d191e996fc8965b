import K2Domain

/// Column types of ClickHouse (documentation pages "Data types", "LowCardinality", "Nullable").
public enum ClickHouseType {
    /// Microseconds in UTC; a column of this type holds the years 1900 to 2299.
    public static let timestamp = "DateTime64(6, 'UTC')"

    /// The type of `column`, in the spelling in which a server gives it back.
    ///
    /// A column that is not required is Nullable, except lists and maps: they are empty instead.
    public static func of(_ column: ColumnDefinition) -> String {
        let plain = base(column.type)
        if column.isRequired || column.type == .stringList || column.type == .stringMap {
            return isLowCardinality(column) ? "LowCardinality(\(plain))" : plain
        }
        return isLowCardinality(column) ? "LowCardinality(Nullable(\(plain)))" : "Nullable(\(plain))"
    }

    /// The type of `column` without a dictionary.
    static func plain(_ column: ColumnDefinition) -> String {
        let plain = base(column.type)
        return column.isRequired || column.type.isNested ? plain : "Nullable(\(plain))"
    }

    /// A text of which few values differ: the server keeps a dictionary of it.
    public static func isLowCardinality(_ column: ColumnDefinition) -> Bool {
        column.type == .string && lowCardinality.contains(column.name)
    }

    private static let lowCardinality: Set<String> = [
        "exchange", "symbol", "canonical_symbol", "asset_class", "currency", "side", "origin", "interval", "state",
    ]

    private static func base(_ type: ColumnType) -> String {
        switch type {
        case .string: "String"
        case .boolean: "Bool"
        case .int32: "Int32"
        case .int64: "Int64"
        case .timestamp: timestamp
        case .uuid: "UUID"
        case .decimal(let precision, let scale): "Decimal(\(precision), \(scale))"
        case .stringList: "Array(String)"
        case .stringMap: "Map(String, String)"
        }
    }
}
