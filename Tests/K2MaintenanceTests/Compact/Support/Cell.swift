import K2Bytes
import K2Iceberg
import K2Parquet

/// A value of any type by its meaning: what rows consist of, however files keep them.
indirect enum Cell: Hashable {
    case null
    case integer(Int64)
    /// The unscaled number.
    case decimal(Int128)
    /// Of a float or double, as a double.
    case bits(UInt64)
    case bytes([UInt8])
    /// Fields of a struct by id; fields that are null are left out, so that a field which was added makes no difference.
    case structure([Int: Cell])
    case list([Cell])
    case map([[Cell]])
}

/// Rows by the fields of a schema, with nulls left out.
typealias Row = [Int: Cell]

// MARK: Taking rows apart

/// Turns rows into the columns of a file, as Dremel has it.
struct Shredder {
    private(set) var columns: [LeafColumn]
    private var next = 0

    init(_ rows: [Row], _ schema: Schema, _ leaves: [Leaf]) {
        columns = leaves.map { LeafColumn(leaf: $0) }
        for row in rows {
            next = 0
            for field in schema.fields { emit(row[field.id] ?? .null, field.type, isOptional: !field.required, definition: 0, repetition: 0, depth: 0) }
        }
    }

    private mutating func emit(_ cell: Cell, _ type: IcebergType, isOptional: Bool, definition: UInt8, repetition: UInt8, depth: UInt8) {
        if cell == .null {
            precondition(isOptional)
            return emitNothing(type, definition: definition, repetition: repetition)
        }
        let level = definition + (isOptional ? 1 : 0)
        switch (type, cell) {
        case (.primitive(let primitive), _):
            append(cell, primitive)
            addEntry(level, repetition)
        case (.structure(let fields), .structure(let values)):
            for field in fields {
                emit(values[field.id] ?? .null, field.type, isOptional: !field.required, definition: level, repetition: repetition, depth: depth)
            }
        case (.list(let list), .list(let items)):
            if items.isEmpty { return emitNothing(type, definition: level, repetition: repetition) }
            repeated(items.count, repetition, depth) { shredder, index, repetition in
                shredder.emit(
                    items[index], list.element, isOptional: !list.elementRequired, definition: level + 1, repetition: repetition, depth: depth + 1)
            }
        case (.map(let map), .map(let pairs)):
            if pairs.isEmpty { return emitNothing(type, definition: level, repetition: repetition) }
            let start = next
            repeated(pairs.count, repetition, depth) { shredder, index, repetition in
                shredder.next = start
                shredder.emit(pairs[index][0], map.key, isOptional: false, definition: level + 1, repetition: repetition, depth: depth + 1)
                shredder.emit(
                    pairs[index][1], map.value, isOptional: !map.valueRequired, definition: level + 1, repetition: repetition, depth: depth + 1)
            }
        default: preconditionFailure("\(cell) is no \(type)")
        }
    }

    private mutating func repeated(_ count: Int, _ first: UInt8, _ depth: UInt8, _ body: (inout Shredder, Int, UInt8) -> Void) {
        let start = next
        for index in 0..<count {
            next = start
            body(&self, index, index == 0 ? first : depth + 1)
        }
    }

    /// A null, or an empty list: an entry in every leaf below.
    private mutating func emitNothing(_ type: IcebergType, definition: UInt8, repetition: UInt8) {
        for _ in 0..<Self.leafCount(type) { addEntry(definition, repetition) }
    }

    private mutating func addEntry(_ definition: UInt8, _ repetition: UInt8) {
        if columns[next].leaf.maxDefinition > 0 { columns[next].definitionLevels.append(definition) }
        if columns[next].leaf.maxRepetition > 0 { columns[next].repetitionLevels.append(repetition) }
        columns[next].entryCount += 1
        next += 1
    }

    private static func leafCount(_ type: IcebergType) -> Int {
        switch type {
        case .primitive: 1
        case .structure(let fields): fields.reduce(0) { $0 + leafCount($1.type) }
        case .list(let list): leafCount(list.element)
        case .map(let map): leafCount(map.key) + leafCount(map.value)
        }
    }

    private mutating func append(_ cell: Cell, _ type: PrimitiveType) {
        switch (columns[next].values, cell) {
        case (.boolean(let values), .integer(let value)): columns[next].values = .boolean(values + [value != 0])
        case (.int32(let values), .integer(let value)): columns[next].values = .int32(values + [Int32(value)])
        case (.int64(let values), .integer(let value)): columns[next].values = .int64(values + [value])
        case (.int32(let values), .decimal(let value)): columns[next].values = .int32(values + [Int32(value)])
        case (.int64(let values), .decimal(let value)): columns[next].values = .int64(values + [Int64(value)])
        case (.fixed(let width, let values), .decimal(let value)):
            columns[next].values = .fixed(width: width, values + withUnsafeBytes(of: value.bigEndian) { Array($0.suffix(width)) })
        case (.float(let values), .bits(let bits)): columns[next].values = .float(values + [Float(Double(bitPattern: bits))])
        case (.double(let values), .bits(let bits)): columns[next].values = .double(values + [Double(bitPattern: bits)])
        case (.byteArray(var values), .bytes(let bytes)):
            values.append(bytes.span)
            columns[next].values = .byteArray(values)
        case (.fixed(let width, let values), .bytes(let bytes)): columns[next].values = .fixed(width: width, values + bytes)
        default: preconditionFailure("\(cell) is no \(type)")
        }
    }
}

// MARK: Putting rows together

/// Turns the columns of one row group into rows: one cell for each field of the file's own schema that has an id.
///
/// It knows nothing of the table: what a file holds is read as it stands there.
struct Assembler {
    private let columns: [LeafColumn]
    private var entries: [Int]
    private var values: [Int]

    init(_ columns: [LeafColumn]) {
        self.columns = columns
        entries = columns.map { _ in 0 }
        values = columns.map { _ in 0 }
    }

    static func rows(_ reader: ParquetReader, rowGroup: Int) throws -> [Row] {
        let columns = try reader.schema.leaves.indices.map { try reader.column($0, rowGroup: rowGroup) }
        var assembler = Assembler(columns)
        return (0..<Int(reader.metadata.rowGroups[rowGroup].rowCount)).map { _ in
            var row: Row = [:]
            for node in reader.schema.root.children {
                let cell = assembler.read(node, definition: 0, repetition: 0)
                if let id = node.element.fieldID, cell != .null { row[Int(id)] = cell }
            }
            return row
        }
    }

    private func definition(_ leaf: Int) -> Int {
        columns[leaf].definitionLevels.isEmpty ? columns[leaf].leaf.maxDefinition : Int(columns[leaf].definitionLevels[entries[leaf]])
    }

    /// Levels are those above the node.
    private mutating func read(_ node: SchemaNode, definition: Int, repetition: Int) -> Cell {
        let level = definition + (node.element.repetition == .optional ? 1 : 0)
        if self.definition(node.leaves.lowerBound) < level {
            skip(node)
            return .null
        }
        if node.element.type != nil { return take(node.leaves.lowerBound, node.element) }
        let isMap = node.element.logicalType == .map || node.element.convertedType == .map
        guard isMap || node.element.logicalType == .list || node.element.convertedType == .list else {
            var fields: [Int: Cell] = [:]
            for child in node.children {
                let cell = read(child, definition: level, repetition: repetition)
                if let id = child.element.fieldID, cell != .null { fields[Int(id)] = cell }
            }
            return .structure(fields)
        }
        let middle = node.children[0]
        if self.definition(node.leaves.lowerBound) < level + 1 {
            skip(node)
            return isMap ? .map([]) : .list([])
        }
        var items: [[Cell]] = []
        repeat {
            items.append(middle.children.map { read($0, definition: level + 1, repetition: repetition + 1) })
        } while continues(node.leaves.lowerBound, repetition + 1)
        return isMap ? .map(items) : .list(items.map { $0[0] })
    }

    /// Whether the next entry belongs to the same list.
    private func continues(_ leaf: Int, _ repetition: Int) -> Bool {
        entries[leaf] < columns[leaf].entryCount && Int(columns[leaf].repetitionLevels[entries[leaf]]) == repetition
    }

    private mutating func skip(_ node: SchemaNode) { for leaf in node.leaves { entries[leaf] += 1 } }

    private mutating func take(_ leaf: Int, _ element: SchemaElement) -> Cell {
        defer {
            entries[leaf] += 1
            values[leaf] += 1
        }
        let place = values[leaf]
        let isDecimal = if case .decimal? = element.logicalType { true } else { element.convertedType == .decimal }
        switch columns[leaf].values {
        case .boolean(let values): return .integer(values[place] ? 1 : 0)
        case .int32(let values): return isDecimal ? .decimal(Int128(values[place])) : .integer(Int64(values[place]))
        case .int64(let values): return isDecimal ? .decimal(Int128(values[place])) : .integer(values[place])
        case .float(let values): return .bits(Double(values[place]).bitPattern)
        case .double(let values): return .bits(values[place].bitPattern)
        case .byteArray(let column): return .bytes(column[place])
        case .fixed(let width, let bytes):
            let bytes = Array(bytes[place * width..<(place + 1) * width])
            guard isDecimal else { return .bytes(bytes) }
            var number: Int128 = bytes[0] >= 0x80 ? -1 : 0
            for byte in bytes { number = number << 8 | Int128(byte) }
            return .decimal(number)
        case .coded: preconditionFailure("decoded values")
        }
    }
}

extension Schema {
    /// The row with only those fields that the schema has, at any depth.
    func projected(_ row: Row) -> Row { Self.projected(row, fields) }

    private static func projected(_ row: Row, _ fields: [NestedField]) -> Row {
        var result: Row = [:]
        for field in fields { if let cell = row[field.id] { result[field.id] = projected(cell, field.type) } }
        return result
    }

    private static func projected(_ cell: Cell, _ type: IcebergType) -> Cell {
        switch (type, cell) {
        case (.structure(let fields), .structure(let values)): .structure(projected(values, fields))
        case (.list(let list), .list(let items)): .list(items.map { projected($0, list.element) })
        case (.map(let map), .map(let pairs)): .map(pairs.map { [projected($0[0], map.key), projected($0[1], map.value)] })
        default: cell
        }
    }
}
