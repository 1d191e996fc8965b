/// The rows that a statement gave, all of them.
public struct SQLRows: Sendable {
    private let width: Int
    private let values: [SQLValue]

    /// - Parameter values: row after row, `width` to each.
    public init(width: Int, values: [SQLValue]) {
        self.width = width
        self.values = values
    }
}

extension SQLRows: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { width == 0 ? 0 : values.count / width }
    public subscript(row: Int) -> SQLRow { SQLRow(values: values[row * width..<(row + 1) * width]) }
}

/// One row; columns are numbered from 0.
///
/// Reading a column as what it is not is an error, never a zero or an empty string: the table is not the one that was expected.
public struct SQLRow: Sendable {
    let values: ArraySlice<SQLValue>

    public subscript(_ column: Int) -> SQLValue { values[values.startIndex + column] }

    public func isNull(_ column: Int) -> Bool { self[column] == .null }

    public func integer(_ column: Int) throws(SQLError) -> Int64 {
        guard case .integer(let value) = self[column] else { throw unexpected(column, "an integer") }
        return value
    }

    public func real(_ column: Int) throws(SQLError) -> Double {
        switch self[column] {
        case .real(let value): return value
        case .integer(let value): return Double(value)
        default: throw unexpected(column, "a real number")
        }
    }

    public func text(_ column: Int) throws(SQLError) -> String {
        guard case .text(let value) = self[column] else { throw unexpected(column, "text") }
        return value
    }

    public func bytes(_ column: Int) throws(SQLError) -> [UInt8] {
        guard case .bytes(let value) = self[column] else { throw unexpected(column, "bytes") }
        return value
    }

    /// Microseconds since 1970.
    public func time(_ column: Int) throws(SQLError) -> Int64 {
        switch self[column] {
        case .time(let value), .integer(let value): return value
        default: throw unexpected(column, "a time")
        }
    }

    public func optionalInteger(_ column: Int) throws(SQLError) -> Int64? { isNull(column) ? nil : try integer(column) }
    public func optionalText(_ column: Int) throws(SQLError) -> String? { isNull(column) ? nil : try text(column) }
    public func optionalTime(_ column: Int) throws(SQLError) -> Int64? { isNull(column) ? nil : try time(column) }

    private func unexpected(_ column: Int, _ expected: String) -> SQLError {
        SQLError(.failed, "column \(column + 1): expected \(expected), found \(self[column].kindName)")
    }
}
