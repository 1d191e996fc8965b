import K2Bytes
import K2Domain
import K2Rows

/// Writes rows as one block in ClickHouse's `Native` format, as it goes over HTTP: number of columns and rows, then for
/// each column its name, its type and all its values. Numbers are little-endian.
///
/// Source: ClickHouse's documentation, "Native format", and its `SerializationLowCardinality` for the dictionary form.
public enum NativeBlockWriter {
    /// Appends a block with the given rows of `buffer`.
    /// - Parameter rows: row numbers in the order in which they are written; nil for all of them.
    public static func write(_ buffer: borrowing RowBuffer, rows: [UInt32]? = nil, to output: inout ByteWriter) {
        output.appendVarint(UInt64(buffer.columns.count))
        output.appendVarint(UInt64(rows?.count ?? buffer.rowCount))
        for index in buffer.columns.indices { write(buffer.columns[index], rows, to: &output) }
    }

    private static func write(_ column: ColumnBuilder, _ rows: [UInt32]?, to output: inout ByteWriter) {
        let isDictionary = column.isDictionary
        output.appendText(column.definition.name)
        output.appendText(isDictionary ? "LowCardinality(String)" : plainType(column.definition))
        if !column.definition.isRequired && !column.definition.type.isNested {
            each(of: column.validity.count, rows) { output.append(column.validity[$0] ? 0 : 1) }
        }
        if isDictionary { return writeDictionary(column.strings, rows, to: &output) }
        switch column.definition.type {
        case .string: write(column.strings, rows, to: &output)
        case .boolean: each(of: column.booleans.count, rows) { output.append(column.booleans[$0] ? 1 : 0) }
        case .int32: write(column.int32s, rows, to: &output)
        case .int64, .timestamp: write(column.int64s, rows, to: &output)
        case .decimal: write(column.int128s, rows, to: &output)
        case .uuid: write(uuids: column.uuids, rows, to: &output)
        case .stringList, .stringMap: writeNested(column, rows, to: &output)
        }
    }

    /// The type as the block names it. A `String` is cast by the server where the table's column is `LowCardinality`.
    private static func plainType(_ column: ColumnDefinition) -> String {
        column.type == .string ? (column.isRequired ? "String" : "Nullable(String)") : ClickHouseType.of(column)
    }

    private static func each(of count: Int, _ rows: [UInt32]?, _ body: (Int) -> Void) {
        if let rows {
            for row in rows { body(Int(row)) }
        } else {
            for row in 0..<count { body(row) }
        }
    }

    private static func write<T: FixedWidthInteger & BitwiseCopyable>(_ values: [T], _ rows: [UInt32]?, to output: inout ByteWriter) {
        // All machines that we build for are little-endian, as the format is.
        guard let rows else { return values.withUnsafeBytes { output.append($0) } }
        output.reserve(rows.count * MemoryLayout<T>.size)
        for row in rows { output.appendLittleEndian(values[Int(row)]) }
    }

    /// Two numbers of 64 bits, the more significant one first.
    private static func write(uuids: [UInt128], _ rows: [UInt32]?, to output: inout ByteWriter) {
        each(of: uuids.count, rows) {
            output.appendLittleEndian(UInt64(truncatingIfNeeded: uuids[$0] >> 64))
            output.appendLittleEndian(UInt64(truncatingIfNeeded: uuids[$0]))
        }
    }

    // MARK: Strings

    /// The strings of a column, told apart once by how they are held.
    private struct Strings {
        let codes: [UInt32]
        let values: ByteColumn
        let isInterned: Bool

        init(_ strings: borrowing StringBuilder) {
            isInterned = strings.plain == nil
            codes = strings.codes
            values = strings.plain ?? strings.distinct
        }

        /// Appends the values of `range`, each behind its length.
        func write(_ range: Range<Int>, to output: inout ByteWriter) {
            if isInterned {
                for index in range { writeValue(Int(codes[index]), to: &output) }
            } else {
                for index in range { writeValue(index, to: &output) }
            }
        }

        @inline(__always)
        func writeValue(_ index: Int, to output: inout ByteWriter) {
            let (start, end) = (Int(values.offsets[index]), Int(values.offsets[index + 1]))
            output.appendVarint(UInt64(end - start))
            output.append(values.data.span.extracting(start..<end))
        }
    }

    private static func write(_ strings: borrowing StringBuilder, _ rows: [UInt32]?, to output: inout ByteWriter) {
        let source = Strings(strings)
        guard let rows else { return source.write(0..<strings.count, to: &output) }
        for row in rows { source.write(Int(row)..<Int(row) + 1, to: &output) }
    }

    // MARK: Dictionaries

    /// Keys of this block only, all sent along.
    private static let hasAdditionalKeys: UInt64 = 1 << 9
    private static let updatesDictionary: UInt64 = 1 << 10

    private static func writeDictionary(_ strings: borrowing StringBuilder, _ rows: [UInt32]?, to output: inout ByteWriter) {
        let keys = Strings(strings)
        let isWide = keys.values.count > 256
        output.appendLittleEndian(UInt64(1))
        output.appendLittleEndian((isWide ? 1 : 0) | hasAdditionalKeys | updatesDictionary)
        output.appendLittleEndian(UInt64(keys.values.count))
        for index in 0..<keys.values.count { keys.writeValue(index, to: &output) }
        output.appendLittleEndian(UInt64(rows?.count ?? strings.count))
        let codes = keys.codes
        if isWide {
            each(of: codes.count, rows) { output.appendLittleEndian(UInt16(truncatingIfNeeded: codes[$0])) }
        } else {
            each(of: codes.count, rows) { output.append(UInt8(truncatingIfNeeded: codes[$0])) }
        }
    }

    // MARK: Lists and maps

    /// Where each row's elements end, then the elements; a map has all keys, then all values.
    private static func writeNested(_ column: ColumnBuilder, _ rows: [UInt32]?, to output: inout ByteWriter) {
        let offsets = column.offsets
        var end: UInt64 = 0
        each(of: offsets.count - 1, rows) {
            end += UInt64(offsets[$0 + 1] - offsets[$0])
            output.appendLittleEndian(end)
        }
        writeElements(column.strings, offsets, rows, to: &output)
        if column.definition.type == .stringMap { writeElements(column.mapValues, offsets, rows, to: &output) }
    }

    private static func writeElements(_ strings: borrowing StringBuilder, _ offsets: [UInt32], _ rows: [UInt32]?, to output: inout ByteWriter) {
        let source = Strings(strings)
        guard let rows else { return source.write(0..<strings.count, to: &output) }
        for row in rows { source.write(Int(offsets[Int(row)])..<Int(offsets[Int(row) + 1]), to: &output) }
    }
}

extension ColumnBuilder {
    /// Whether the column goes as a dictionary: it is one in the table, and its values are few.
    fileprivate var isDictionary: Bool { ClickHouseType.isLowCardinality(definition) && strings.plain == nil }
}

extension ColumnType {
    var isNested: Bool { self == .stringList || self == .stringMap }
}

extension ByteWriter {
    /// Appends a text behind its length.
    mutating func appendText(_ text: String) {
        appendVarint(UInt64(text.utf8.count))
        append(string: text)
    }
}
