import K2Domain
import K2Rows

/// Reads a result in ClickHouse's `Native` format block by block into rows.
///
/// Memory: the bytes of one column of one block, which ClickHouse cuts at 65,409 rows or less.
public struct NativeRowStream: ~Copyable {
    private var source: ByteSource
    private let definition: TableDefinition
    /// Which columns a block must have, in this order; positions in the definition.
    private let columns: [Int]

    /// - Parameter columns: positions in the definition of the columns that were asked for, in that order.
    public init(_ stream: ClickHouseStream, _ definition: TableDefinition, columns: [Int]) {
        source = ByteSource(stream)
        self.definition = definition
        self.columns = columns
    }

    /// Appends the next block to `buffer`; columns that were not asked for become null or empty.
    /// - Returns: the rows of the block, or nil at the end.
    /// - Throws: an error that the server put behind the rows; one of the connection; a block of another shape.
    public mutating func readBlock(into buffer: inout RowBuffer) throws(ClickHouseError) -> Int? {
        do throws(ClickHouseError) {
            while try source.need(1) {
                let count = try source.readLength(), rows = try source.readLength()
                if count == 0 && rows == 0 { continue }
                guard count == columns.count else { throw source.malformed("\(count) columns, expected \(columns.count)") }
                try buffer.appendBlock(rows: rows) { (builders) throws(ClickHouseError) in
                    for index in columns { try readColumn(rows, into: &builders[index]) }
                    for index in builders.indices where !columns.contains(index) {
                        for _ in 0..<rows { builders[index].appendNull() }
                    }
                }
                if rows > 0 { return rows }
            }
            return nil
        } catch {
            if error.fault == .aborted { throw error }
            throw source.exception() ?? error
        }
    }

    private mutating func readColumn(_ rows: Int, into column: inout ColumnBuilder) throws(ClickHouseError) {
        let name = try source.readText(), type = try source.readText()
        guard name == column.definition.name else {
            throw source.malformed("column \(ServerException.oneLine(name[...])), expected \(column.definition.name)")
        }
        let expected = ClickHouseType.of(column.definition)
        if type == expected, ClickHouseType.isLowCardinality(column.definition) { return try readDictionary(rows, into: &column) }
        guard type == expected || type == ClickHouseType.plain(column.definition) else {
            throw ClickHouseError(
                .permanent, "\(definition.warmName): column \(name): type \(ServerException.oneLine(type[...])), expected \(expected)")
        }
        if column.definition.type.isNested { return try readNested(rows, into: &column) }
        let nulls = column.definition.isRequired ? [] : try source.read(rows)
        switch column.definition.type {
        case .string: try readStrings(rows, nulls, into: &column)
        case let type: try column.append(raw: source.read(rows * type.width), count: rows, nulls: nulls)
        }
    }

    private mutating func readStrings(_ rows: Int, _ nulls: [UInt8], into column: inout ColumnBuilder) throws(ClickHouseError) {
        for row in 0..<rows {
            let length = try source.readLength()
            try source.with(length) { value in
                if !nulls.isEmpty, nulls[row] != 0 { column.appendNull() } else { column.append(value) }
            }
        }
    }

    // MARK: Dictionaries

    /// Bits of the flags of a dictionary (`SerializationLowCardinality`).
    private static let needsGlobalDictionary: UInt64 = 1 << 8
    private static let hasAdditionalKeys: UInt64 = 1 << 9

    /// The values as numbers of keys, which are sent along; of a Nullable column the first key stands for null.
    private mutating func readDictionary(_ rows: Int, into column: inout ColumnBuilder) throws(ClickHouseError) {
        // Without rows there is nothing behind name and type.
        if rows == 0 { return }
        let version = try source.readUInt64()
        let flags = try source.readUInt64()
        guard version == 1, flags & Self.needsGlobalDictionary == 0, flags & Self.hasAdditionalKeys != 0, flags & 0xff <= 3 else {
            throw source.malformed("dictionary of an unknown form")
        }
        let count = Int(clamping: try source.readUInt64())
        var keys = StringKeys()
        for _ in 0..<count {
            let length = try source.readLength()
            try source.with(length) { keys.append($0) }
        }
        guard try source.readUInt64() == UInt64(rows) else { throw source.malformed("dictionary of another block") }
        let width = 1 << Int(flags & 0xff)
        guard column.append(codes: try source.read(rows * width), width: width, keys: keys) else {
            throw source.malformed("dictionary without a key that is used")
        }
    }

    // MARK: Lists and maps

    /// Where each row's elements end, then the elements; a map has all keys, then all values.
    private mutating func readNested(_ rows: Int, into column: inout ColumnBuilder) throws(ClickHouseError) {
        let ends = try source.read(rows * 8).withUnsafeBytes { bytes in
            (0..<rows).map { Int(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
        var done = 0
        for end in ends {
            guard end >= done else { throw source.malformed("lists whose ends go back") }
            while done < end {
                let length = try source.readLength()
                try source.with(length) { column.appendElement($0) }
                done += 1
            }
            column.endList()
        }
        guard column.definition.type == .stringMap else { return }
        for _ in 0..<done {
            let length = try source.readLength()
            try source.with(length) { column.appendMapValue($0) }
        }
    }
}

extension ColumnType {
    /// Bytes of a value; 0 where they differ.
    fileprivate var width: Int {
        switch self {
        case .boolean: 1
        case .int32: 4
        case .int64, .timestamp: 8
        case .decimal, .uuid: 16
        case .string, .stringList, .stringMap: 0
        }
    }
}
