import K2Bytes
import K2Parquet

/// A row as read back, by column name.
typealias LakeRow = [String: LakeValue]

enum LakeValue: Hashable, CustomStringConvertible {
    case null
    case bool(Bool)
    case integer(Int64)
    /// The unscaled number.
    case decimal(Int128)
    case uuid(UInt128)
    case text(String)
    case list([String])
    case map([[String]])

    var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .decimal(let value): "\(value)d"
        case .uuid(let value): String(value, radix: 16)
        case .text(let value): "\"\(value)\""
        case .list(let values): "\(values)"
        case .map(let pairs): "\(pairs)"
        }
    }

    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
    var decimal: Int128? { if case .decimal(let value) = self { value } else { nil } }
}

extension LakeRow {
    /// All rows of a Parquet file in their order.
    static func read(_ bytes: [UInt8]) throws -> [LakeRow] {
        let reader = try ParquetReader(bytes)
        var rows: [LakeRow] = []
        for group in reader.metadata.rowGroups.indices {
            let names = reader.schema.root.children.map(\.element.name)
            let columns = try names.indices.map { LakeValue.all(try reader.field($0, rowGroup: group)) }
            for row in 0..<Int(reader.metadata.rowGroups[group].rowCount) {
                rows.append(LakeRow(uniqueKeysWithValues: zip(names, columns.map { $0[row] })))
            }
        }
        return rows
    }
}

extension LakeValue {
    static func all(_ column: Column) -> [LakeValue] {
        let values = all(column.values)
        guard let validity = column.validity else { return values }
        return zip(values, validity).map { $1 ? $0 : .null }
    }

    private static func all(_ values: ColumnValues) -> [LakeValue] {
        switch values {
        case .bool(let values): values.map { .bool($0) }
        case .int32(let values): values.map { .integer(Int64($0)) }
        case .int64(let values): values.map { .integer($0) }
        case .int128(let values): values.map { .decimal($0) }
        case .uint128(let values): values.map { .uuid($0) }
        case .bytes, .dictionary: strings(values).map { .text($0) }
        case .list(let offsets, let elements):
            {
                let strings = Self.strings(elements.values)
                return zip(offsets, offsets.dropFirst()).map { .list(Array(strings[Int($0)..<Int($1)])) }
            }()
        case .map(let offsets, let keys, let contents):
            {
                let (keys, contents) = (strings(keys.values), strings(contents.values))
                return zip(offsets, offsets.dropFirst()).map { range in
                    .map((Int(range.0)..<Int(range.1)).map { [keys[$0], contents[$0]] })
                }
            }()
        default: []
        }
    }

    private static func strings(_ values: ColumnValues) -> [String] {
        switch values {
        case .bytes(let column): (0..<column.count).map { String(decoding: column[$0], as: UTF8.self) }
        case .dictionary(let codes, let distinct): codes.map { String(decoding: distinct[Int($0)], as: UTF8.self) }
        default: []
        }
    }
}
