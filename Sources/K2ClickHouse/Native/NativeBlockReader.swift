import K2Bytes
import K2Domain
import K2Rows

/// Why bytes are no block that `NativeBlockWriter` wrote.
public struct NativeBlockError: Error, Equatable, Sendable, CustomStringConvertible {
    public var description: String
}

/// Reads a block that `NativeBlockWriter` wrote back into rows.
public enum NativeBlockReader {
    /// The rows of a block; columns that the definition has and the block lacks are null or empty.
    public static func read(_ bytes: Span<UInt8>, _ definition: TableDefinition) throws(NativeBlockError) -> RowBuffer {
        do throws(ByteError) { return try readBlock(bytes, definition) } catch {
            throw NativeBlockError(description: "block of \(definition.warmName): \(error)")
        }
    }

    private static func readBlock(_ bytes: Span<UInt8>, _ definition: TableDefinition) throws(ByteError) -> RowBuffer {
        var cursor = ByteCursor(bytes)
        let count = Int(clamping: try cursor.readVarint())
        let rows = Int(clamping: try cursor.readVarint())
        // Each row takes at least a byte a column.
        guard rows <= bytes.count, count <= bytes.count else { throw ByteError(.negativeLength, at: 0) }
        var columns = definition.columns.map { ColumnBuilder($0) }
        var isRead = [Bool](repeating: false, count: columns.count)
        for _ in 0..<count {
            let name = try readText(&cursor)
            let isDictionary = try readText(&cursor).hasPrefix("LowCardinality")
            guard let index = definition.index(of: name), !isRead[index] else { throw ByteError(.negativeLength, at: cursor.offset) }
            isRead[index] = true
            if isDictionary { try readDictionary(rows, &cursor, into: &columns[index]) } else { try read(rows, &cursor, into: &columns[index]) }
        }
        for index in columns.indices where !isRead[index] {
            for _ in 0..<rows { columns[index].appendNull() }
        }
        return RowBuffer(definition, columns: columns, rowCount: rows)
    }

    private static func readText(_ cursor: inout ByteCursor) throws(ByteError) -> String {
        let length = Int(clamping: try cursor.readVarint())
        return try cursor.read(length).text
    }

    private static func read(_ rows: Int, _ cursor: inout ByteCursor, into column: inout ColumnBuilder) throws(ByteError) {
        let type = column.definition.type
        if type.isNested { return try readNested(rows, &cursor, into: &column) }
        var nulls: [Bool] = []
        if !column.definition.isRequired {
            for _ in 0..<rows { nulls.append(try cursor.readByte() != 0) }
        }
        for row in 0..<rows {
            let before = cursor.offset
            if !nulls.isEmpty, nulls[row] {
                try skipValue(type, &cursor)
                column.appendNull()
                continue
            }
            try readValue(type, &cursor, into: &column)
            if cursor.offset == before { throw ByteError(.pastEnd, at: before) }
        }
    }

    private static func readValue(_ type: ColumnType, _ cursor: inout ByteCursor, into column: inout ColumnBuilder) throws(ByteError) {
        switch type {
        case .string:
            let length = Int(clamping: try cursor.readVarint())
            column.append(try cursor.read(length))
        case .boolean: column.append(try cursor.readByte() != 0)
        case .int32: column.append(try cursor.readLittleEndian(Int32.self))
        case .int64, .timestamp: column.append(try cursor.readLittleEndian(Int64.self))
        case .decimal: column.append(try cursor.readLittleEndian(Int128.self))
        case .uuid:
            let high = UInt128(try cursor.readLittleEndian(UInt64.self))
            column.append(high << 64 | UInt128(try cursor.readLittleEndian(UInt64.self)))
        case .stringList, .stringMap: break
        }
    }

    private static func skipValue(_ type: ColumnType, _ cursor: inout ByteCursor) throws(ByteError) {
        switch type {
        case .string: try cursor.skip(Int(clamping: try cursor.readVarint()))
        case .boolean: try cursor.skip(1)
        case .int32: try cursor.skip(4)
        case .int64, .timestamp: try cursor.skip(8)
        default: try cursor.skip(16)
        }
    }

    private static func readDictionary(_ rows: Int, _ cursor: inout ByteCursor, into column: inout ColumnBuilder) throws(ByteError) {
        try cursor.skip(8)
        let isWide = try cursor.readLittleEndian(UInt64.self) & 0xff != 0
        let count = Int(clamping: try cursor.readLittleEndian(UInt64.self))
        var keys: [[UInt8]] = []
        for _ in 0..<min(count, cursor.remaining) {
            let length = Int(clamping: try cursor.readVarint())
            let key = try cursor.read(length)
            keys.append(key.withUnsafeBufferPointer { Array($0) })
        }
        try cursor.skip(8)
        for _ in 0..<rows {
            let code = isWide ? Int(try cursor.readLittleEndian(UInt16.self)) : Int(try cursor.readByte())
            guard code < keys.count else { throw ByteError(.negativeLength, at: cursor.offset) }
            let key = keys[code]
            column.append(key.span)
        }
    }

    private static func readNested(_ rows: Int, _ cursor: inout ByteCursor, into column: inout ColumnBuilder) throws(ByteError) {
        var ends: [Int] = []
        for _ in 0..<rows { ends.append(Int(clamping: try cursor.readLittleEndian(UInt64.self))) }
        guard zip([0] + ends, ends).allSatisfy({ $0 <= $1 }), ends.last ?? 0 <= cursor.remaining else {
            throw ByteError(.negativeLength, at: cursor.offset)
        }
        var done = 0
        for end in ends {
            while done < end {
                let length = Int(clamping: try cursor.readVarint())
                column.appendElement(try cursor.read(length))
                done += 1
            }
            column.endList()
        }
        guard column.definition.type == .stringMap else { return }
        for _ in 0..<done {
            let length = Int(clamping: try cursor.readVarint())
            column.appendMapValue(try cursor.read(length))
        }
    }
}
