import K2Bytes
import K2Iceberg
import K2Lake
import K2Parquet

/// The values of a leaf after a transform, for sort orders by one.
struct TransformedValues {
    let leaf: TableLeaf
    let transform: Transform
    let conversion: LeafConversion
    /// Of the results.
    let type: PrimitiveType

    init?(_ leaf: TableLeaf, _ transform: Transform, _ conversion: LeafConversion) {
        guard let type = transform.resultType(leaf.type) else { return nil }
        self.leaf = leaf
        self.transform = transform
        self.conversion = conversion
        self.type = type
    }

    /// The piece with results in the place of values.
    func apply(_ piece: LeafColumn) throws -> LeafColumn {
        var result = piece
        if case .coded(let codes, let dictionary) = piece.values {
            result.values = .coded(codes, of: LeafDictionary(try apply(dictionary.values)))
        } else {
            result.values = try apply(piece.values)
        }
        return result
    }

    private func apply(_ values: LeafValues) throws -> LeafValues {
        var (words, wide, texts): ([Int64], [UInt8], ByteColumn) = ([], [], ByteColumn())
        var numbers: [Int128] = []
        if case .decimal = leaf.type { numbers = try UnscaledNumbers.read(values, place: leaf.name) }
        for index in 0..<values.count {
            switch try transform.apply(numbers.isEmpty ? try datum(values, index) : .decimal(numbers[index])) {
            case .int(let value), .date(let value): words.append(Int64(value))
            case .long(let value), .time(let value), .timestamp(let value): words.append(value)
            case .decimal(let value): withUnsafeBytes(of: value.bigEndian) { wide.append(contentsOf: $0) }
            case .string(let text): texts.append(text)
            case .binary(let bytes): texts.append(bytes.span)
            default: throw IcebergError(.unsupported, "sort order: \(transform) of \(leaf.name)")
            }
        }
        switch type {
        case .int, .date: return .int32(words.map { Int32(truncatingIfNeeded: $0) })
        case .decimal: return .fixed(width: 16, wide)
        case .string, .binary: return .byteArray(texts)
        default: return .int64(words)
        }
    }

    private func datum(_ values: LeafValues, _ index: Int) throws -> Datum {
        let factor: Int64 = conversion == .milliseconds ? 1_000 : 1
        switch (values, leaf.type) {
        case (.int32(let values), .int): return .int(values[index])
        case (.int32(let values), .date): return .date(values[index])
        case (.int32(let values), .long): return .long(Int64(values[index]))
        case (.int64(let values), .long): return .long(values[index])
        case (.int64(let values), .timestamp), (.int64(let values), .timestamptz): return .timestamp(values[index] &* factor)
        case (.int64(let values), .time): return .time(values[index] &* factor)
        case (.int32(let values), .time): return .time(Int64(values[index]) &* factor)
        case (.byteArray(let column), .string): return .string(String(decoding: column[index], as: UTF8.self))
        case (.byteArray(let column), .binary): return .binary(column[index])
        case (.fixed(let width, let bytes), .uuid): return .uuid(Array(bytes[index * width..<(index + 1) * width]))
        case (.fixed(let width, let bytes), .fixed): return .fixed(Array(bytes[index * width..<(index + 1) * width]))
        default: throw IcebergError(.unsupported, "sort order: \(transform) of \(leaf.name)")
        }
    }
}
