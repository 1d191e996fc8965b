import K2Bytes
import K2Domain

/// The distinct values of a dictionary, by number.
public struct StringKeys {
    fileprivate var values = ByteColumn()

    public init() {}

    public mutating func append(_ value: Span<UInt8>) { values.append(value) }
}

extension ColumnBuilder {
    /// Appends `count` values of a fixed width as they lie in memory: little-endian numbers, a UUID as two numbers of 64 bits of which
    /// the first is the higher one.
    /// - Parameter nulls: a byte a row, not 0 for null; empty when there are none.
    public mutating func append(raw bytes: [UInt8], count: Int, nulls: [UInt8]) {
        switch definition.type {
        case .boolean: appendBooleans(bytes)
        case .int32: append(bytes, to: \.int32s)
        case .int64, .timestamp: append(bytes, to: \.int64s)
        case .decimal: append(bytes, to: \.int128s)
        case .uuid: appendUUIDs(bytes)
        case .string, .stringList, .stringMap: preconditionFailure("no fixed width")
        }
        noteValidity(nulls, count: count)
    }

    private mutating func append<T: BitwiseCopyable & ExpressibleByIntegerLiteral>(_ bytes: [UInt8], to path: WritableKeyPath<ColumnBuilder, [T]>) {
        // All machines that we build for are little-endian, as the bytes are.
        bytes.withUnsafeBytes { source in
            let before = self[keyPath: path].count
            self[keyPath: path].append(contentsOf: repeatElement(0, count: source.count / MemoryLayout<T>.size))
            self[keyPath: path].withUnsafeMutableBytes { $0[(before * MemoryLayout<T>.size)...].copyBytes(from: source) }
        }
    }

    private mutating func appendBooleans(_ bytes: [UInt8]) { for byte in bytes { booleans.append(byte != 0) } }

    private mutating func appendUUIDs(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { source in
            for offset in stride(from: 0, to: source.count, by: 16) {
                let high = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                let low = source.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
                uuids.append(UInt128(high) << 64 | UInt128(low))
            }
        }
    }

    private mutating func noteValidity(_ nulls: [UInt8], count: Int) {
        if definition.isRequired { return }
        if nulls.isEmpty {
            validity.append(contentsOf: repeatElement(true, count: count))
        } else {
            for byte in nulls { validity.append(byte == 0) }
        }
    }

    /// Appends values that are numbers of keys, each `width` bytes wide; for a column that is not required, the first key is null.
    /// - Returns: false, with rows missing, when a number has no key.
    public mutating func append(codes: [UInt8], width: Int, keys: StringKeys) -> Bool {
        let isNullable = !definition.isRequired
        let numbers = codes.withUnsafeBytes { bytes in
            (0..<codes.count / width).map { index -> Int in
                switch width {
                case 1: Int(bytes[index])
                case 2: Int(bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
                case 4: Int(bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
                default: Int(clamping: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
                }
            }
        }
        guard numbers.allSatisfy({ $0 < keys.values.count }) else { return false }
        strings.append(numbers, of: keys.values)
        if isNullable { noteValidity(numbers.map { $0 == 0 ? 1 : 0 }, count: numbers.count) }
        return true
    }
}
