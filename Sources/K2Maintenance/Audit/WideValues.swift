import K2Bytes
import K2Domain
import K2Parquet

/// The values of a column of decimals (their unscaled numbers) or UUIDs (their 128 bits, the first byte highest), whatever type they have in the file.
struct WideValues {
    private let values: [Int128]

    /// - Throws: `malformed` when the values are no such numbers, or decimals of another scale.
    init(_ leaf: LeafColumn, _ column: ColumnDefinition) throws(ParquetError) {
        if case .decimal(_, let scale) = column.type { try Self.check(leaf, scale, column) }
        switch leaf.values {
        case .int32(let numbers) where column.type != .uuid: values = numbers.map { Int128($0) }
        case .int64(let numbers) where column.type != .uuid: values = numbers.map { Int128($0) }
        case .fixed(let width, let bytes) where width == 16 || width < 16 && column.type != .uuid: values = Self.fixed(bytes, width)
        case .byteArray(let bytes) where column.type != .uuid:
            var numbers: [Int128] = []
            numbers.reserveCapacity(bytes.count)
            for index in 0..<bytes.count {
                let range = Int(bytes.offsets[index])..<Int(bytes.offsets[index + 1])
                guard range.count <= 16 else { throw ParquetError(.malformed, column.name, "a decimal of \(range.count) bytes") }
                numbers.append(bytes.data.withUnsafeBufferPointer { Self.number(UnsafeBufferPointer(rebasing: $0[range])) })
            }
            values = numbers
        default: throw ParquetError(.malformed, column.name, "found values of \(leaf.leaf.type), expected \(column.type)")
        }
    }

    private static func check(_ leaf: LeafColumn, _ scale: Int, _ column: ColumnDefinition) throws(ParquetError) {
        var found = leaf.leaf.element.scale.map { Int($0) }
        if case .decimal(_, let logical)? = leaf.leaf.element.logicalType { found = Int(logical) }
        guard found == scale else {
            throw ParquetError(.malformed, column.name, "found \(found.map { "decimals of scale \($0)" } ?? "no decimals"), expected scale \(scale)")
        }
    }

    private static func fixed(_ bytes: [UInt8], _ width: Int) -> [Int128] {
        let count = bytes.count / width
        return bytes.withUnsafeBytes { raw in
            (0..<count).map { index in
                if width == 16 {
                    let upper = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: index * 16, as: UInt64.self))
                    let lower = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: index * 16 + 8, as: UInt64.self))
                    return Int128(truncatingIfNeeded: UInt128(upper) << 64 | UInt128(lower))
                }
                return number(UnsafeBufferPointer(rebasing: raw.bindMemory(to: UInt8.self)[index * width..<(index + 1) * width]))
            }
        }
    }

    /// Two's complement, the first byte highest.
    private static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> Int128 {
        var value: Int128 = (bytes.first ?? 0) >= 0x80 ? -1 : 0
        for byte in bytes { value = value << 8 | Int128(byte) }
        return value
    }

    var count: Int { values.count }

    subscript(index: Int) -> Int128 { values[index] }
}
