import CSQLite
import K2SQL

extension SQLiteStatement {
    /// Binds all values, from index 1 on.
    borrowing func bind(_ values: [SQLValue]) throws(SQLiteError) {
        for index in values.indices {
            switch values[index] {
            case .null: try bindNull(at: index + 1)
            case .integer(let value), .time(let value): try bind(value, at: index + 1)
            case .real(let value): try bind(value, at: index + 1)
            case .text(let value): try bind(value, at: index + 1)
            case .bytes(let value): try bind(value, at: index + 1)
            }
        }
    }

    var columnCount: Int { Int(sqlite3_column_count(handle)) }

    /// The column as what it is stored as: https://www.sqlite.org/datatype3.html section 2
    borrowing func value(_ column: Int) -> SQLValue {
        switch sqlite3_column_type(handle, Int32(column)) {
        case SQLITE_INTEGER: .integer(int64(column))
        case SQLITE_FLOAT: .real(real(column))
        case SQLITE_TEXT: .text(text(column))
        case SQLITE_BLOB: .bytes(blob(column))
        default: .null
        }
    }
}
