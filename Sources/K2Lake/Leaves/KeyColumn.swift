import K2Bytes
import K2Iceberg
import K2Parquet

/// The values of one leaf outside lists and maps for some rows, each as bytes that are equal exactly for equal values, whatever width the file
/// keeps them in.
public struct KeyColumn {
    private enum Values {
        case words([Int64])
        case wide([Int128])
        case bytes(ByteColumn)
    }

    private let values: Values
    /// Where each row's value is; -1 for null. Empty when no row is null.
    private let places: [Int32]
    let rowCount: Int

    /// A column that the file does not have: null for all rows.
    init(nulls rowCount: Int) {
        values = .words([])
        places = Array(repeating: -1, count: rowCount)
        self.rowCount = rowCount
    }

    /// - Throws: `ParquetError` for values that are none of the table's type.
    init(_ column: LeafColumn, _ levels: LevelMap, _ conversion: LeafConversion, _ leaf: TableLeaf) throws {
        precondition(leaf.maxRepetition == 0 && column.leaf.maxRepetition == 0)
        values = try Self.values(try column.values.decoded(), conversion, leaf)
        rowCount = column.rowCount
        if column.isFull {
            places = []
            return
        }
        var (places, next): ([Int32], Int32) = ([], 0)
        places.reserveCapacity(rowCount)
        for level in column.definitionLevels {
            let isThere = Int(level) == column.leaf.maxDefinition
            places.append(isThere ? next : -1)
            if isThere { next += 1 }
        }
        self.places = places
    }

    private static func values(_ values: LeafValues, _ conversion: LeafConversion, _ leaf: TableLeaf) throws -> Values {
        let factor: Int64 = conversion == .milliseconds ? 1_000 : 1
        if case .decimal = leaf.type { return .wide(try UnscaledNumbers.read(values, place: leaf.name)) }
        switch values {
        case .boolean(let values): return .words(values.map { $0 ? 1 : 0 })
        case .int32(let values): return .words(values.map { Int64($0) &* factor })
        case .int64(let values): return .words(factor == 1 ? values : values.map { $0 &* factor })
        case .float(let values): return .words(values.map { Int64(bitPattern: Double($0).bitPattern) })
        case .double(let values): return .words(values.map { Int64(bitPattern: $0.bitPattern) })
        case .byteArray(let values): return .bytes(values)
        case .fixed(let width, let bytes):
            return .bytes(ByteColumn(offsets: (0...bytes.count / width).map { UInt32($0 * width) }, data: bytes))
        case .coded: preconditionFailure("decoded values")
        }
    }

    public func isNull(_ row: Int) -> Bool { !places.isEmpty && places[row] < 0 }

    private func place(_ row: Int) -> Int { places.isEmpty ? row : Int(places[row]) }

    /// The value as an integer; nil for null and for types that are none.
    public func integer(_ row: Int) -> Int64? {
        guard !isNull(row), case .words(let words) = values else { return nil }
        return words[place(row)]
    }

    /// The bytes of a string or binary value; empty for null.
    public func append(textOf row: Int, to key: inout ByteWriter) {
        guard !isNull(row), case .bytes(let column) = values else { return }
        let place = place(row)
        key.append(column.data.span.extracting(Int(column.offsets[place])..<Int(column.offsets[place + 1])))
    }

    /// Appends a form of the value that says where it ends.
    public func append(_ row: Int, to key: inout ByteWriter) {
        guard !isNull(row) else { return key.append(0) }
        let place = place(row)
        switch values {
        case .words(let words):
            key.append(1)
            key.appendLittleEndian(words[place])
        case .wide(let numbers):
            key.append(2)
            key.appendLittleEndian(numbers[place])
        case .bytes(let column):
            let range = Int(column.offsets[place])..<Int(column.offsets[place + 1])
            key.append(3)
            key.appendLittleEndian(UInt32(range.count))
            key.append(column.data.span.extracting(range))
        }
    }
}

/// Decimals as whole numbers, from every physical type that they are kept in.
public enum UnscaledNumbers {
    public static func read(_ values: LeafValues, place: String) throws(ParquetError) -> [Int128] {
        switch values {
        case .int32(let values): return values.map { Int128($0) }
        case .int64(let values): return values.map { Int128($0) }
        case .fixed(let width, let bytes):
            var numbers: [Int128] = []
            numbers.reserveCapacity(bytes.count / width)
            for start in stride(from: 0, to: bytes.count, by: width) { numbers.append(try number(bytes.span.extracting(start..<start + width), place)) }
            return numbers
        case .byteArray(let column):
            var numbers: [Int128] = []
            numbers.reserveCapacity(column.count)
            for index in 0..<column.count {
                numbers.append(try number(column.data.span.extracting(Int(column.offsets[index])..<Int(column.offsets[index + 1])), place))
            }
            return numbers
        case .coded: return try read(try values.decoded(), place: place)
        default: throw ParquetError(.malformed, place, "values that are no decimals")
        }
    }

    private static func number(_ bytes: Span<UInt8>, _ place: String) throws(ParquetError) -> Int128 {
        guard let number = Int128(twosComplement: bytes) else {
            throw ParquetError(.malformed, place, "a decimal of \(bytes.count) bytes that is none, or has more than 38 digits")
        }
        return number
    }
}
