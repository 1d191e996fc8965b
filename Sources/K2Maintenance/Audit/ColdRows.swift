import K2Bytes
import K2Domain
import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet
import K2Rows

extension ColdScan {
    /// One row of a file, whole.
    /// - Parameters:
    ///   - rowGroup: of the row.
    ///   - position: its number there.
    func row(_ file: DataFile, rowGroup: Int, position: Int) throws -> RowBuffer {
        let cold = try open(file)
        var columns = schema.definition.columns.map { ColumnBuilder($0) }
        var isFound = false
        try forEachBatch(Array(columns.indices), cold, rowGroup) { batch in
            guard position < batch.first + batch.rows else { return true }
            for index in columns.indices { columns[index].append(batch[index], rows: [position - batch.first]) }
            isFound = true
            return false
        }
        guard isFound else { throw ParquetError(.malformed, "row group \(rowGroup)", "no row \(position)") }
        return RowBuffer(schema.definition, columns: columns, rowCount: 1)
    }
}

extension ColumnBuilder {
    /// Appends the values of some rows of a batch. A null where the table has none becomes a zero or an empty text.
    fileprivate mutating func append(_ column: ColdColumn, rows: [Int]) {
        guard let leaves = column.leaves, let positions = try? column.definition.isNested ? nil : column.positions() ?? Array(0..<Int32(column.rows)) else {
            return appendNested(column, rows)
        }
        for row in rows {
            let position = Int(positions[row])
            if position < 0 { appendNull() } else { append(leaves[0].values, column.wide, position) }
        }
    }

    private mutating func append(_ values: LeafValues, _ wide: WideValues?, _ position: Int) {
        switch (values, definition.type) {
        case (.coded(let codes, let dictionary), let type) where type != .uuid && wide == nil: append(dictionary.values, nil, Int(codes[position]))
        case (.boolean(let values), _): append(values[position])
        case (.int32(let values), .int32): append(values[position])
        case (.int32(let values), .int64): append(Int64(values[position]))
        case (.int64(let values), .int64), (.int64(let values), .timestamp): append(values[position])
        case (.byteArray(let values), .string):
            let value = values[position]
            append(value.span)
        default:
            guard let wide else { return appendNull() }
            if definition.type == .uuid { append(UInt128(truncatingIfNeeded: wide[position])) } else { append(wide[position]) }
        }
    }

    private mutating func appendNested(_ column: ColdColumn, _ rows: [Int]) {
        guard column.definition.isNested, let leaves = column.leaves else {
            for _ in rows { appendNull() }
            return
        }
        let texts = leaves.map { NestedTexts($0, of: Set(rows)) }
        for row in rows {
            for value in texts[0].values(of: row) { appendElement(value.span) }
            if definition.type == .stringMap { for value in texts[1].values(of: row) { appendMapValue(value.span) } }
            endList()
        }
    }
}

/// The texts of a leaf inside a list or map, of some rows.
private struct NestedTexts {
    private var texts: [Int: [[UInt8]]] = [:]

    init(_ leaf: LeafColumn, of rows: Set<Int>) {
        var values = ByteColumn(), codes: [UInt32]?
        switch leaf.values {
        case .byteArray(let texts): values = texts
        case .coded(let numbers, let dictionary):
            guard case .byteArray(let texts) = dictionary.values else { return }
            (values, codes) = (texts, numbers)
        default: return
        }
        let count = codes?.count ?? values.count
        let element = leaf.leaf.maxDefinition - (leaf.leaf.element.repetition == .optional ? 1 : 0)
        var (row, next) = (-1, 0)
        for entry in 0..<leaf.entryCount {
            if leaf.repetitionLevels[entry] == 0 { row += 1 }
            let level = Int(leaf.definitionLevels[entry])
            guard level >= element else { continue }
            let isThere = level == leaf.leaf.maxDefinition && next < count
            if rows.contains(row) { texts[row, default: []].append(isThere ? values[codes.map { Int($0[next]) } ?? next] : []) }
            if isThere { next += 1 }
        }
    }

    func values(of row: Int) -> [[UInt8]] { texts[row] ?? [] }
}
