import K2Bytes
import K2Domain
import K2Parquet

extension ColdColumn {
    /// The terms of `RowHash` of the values, of a column outside lists and maps; of a dictionary each is made once.
    /// - Throws: `malformed` when the values are not those of such a column.
    func terms(salt: UInt64) throws(ParquetError) -> [UInt64] {
        try spread(0) { (values) throws(ParquetError) in try values.terms(definition, salt: salt) }
    }

    /// XXH64 of each text of a leaf; of a dictionary each is made once.
    func textHashes(_ leaf: Int) throws(ParquetError) -> [UInt64] { try spread(leaf) { (values) throws(ParquetError) in try values.textHashes(definition) } }

    private func spread(_ leaf: Int, _ make: (LeafValues) throws(ParquetError) -> [UInt64]) throws(ParquetError) -> [UInt64] {
        guard let values = leaves?[leaf].values else { return [] }
        guard case .coded(let codes, let dictionary) = values else { return try make(values) }
        let known = try entries[leaf].hashes(of: dictionary) { () throws(ParquetError) in try make(dictionary.values) }
        return codes.map { known[Int($0)] }
    }
}

extension LeafValues {
    /// The terms of `RowHash` of single values of a column. Not of codes.
    /// - Throws: `malformed` when the values are not those of such a column.
    fileprivate func terms(_ column: ColumnDefinition, salt: UInt64) throws(ParquetError) -> [UInt64] {
        switch (self, column.type) {
        case (.byteArray(let values), .string): return Self.hashes(values).map { RowHash.term($0, salt: salt) }
        case (.int64(let values), .int64), (.int64(let values), .timestamp):
            return values.map { RowHash.term(UInt64(bitPattern: $0), salt: salt) }
        case (.int32(let values), .int32), (.int32(let values), .int64):
            return values.map { RowHash.term(UInt64(bitPattern: Int64($0)), salt: salt) }
        case (.boolean(let values), .boolean): return values.map { RowHash.term($0 ? 1 : 0, salt: salt) }
        case (_, .decimal), (_, .uuid):
            return try wide(column).map { RowHash.wideTerm(UInt128(truncatingIfNeeded: $0), salt: salt) }
        default: throw ParquetError(.malformed, column.name, "found values of another type, expected \(column.type)")
        }
    }

    fileprivate func textHashes(_ column: ColumnDefinition) throws(ParquetError) -> [UInt64] {
        switch self {
        case .byteArray(let values): return Self.hashes(values)
        default: throw ParquetError(.malformed, column.name, "found values of another type, expected texts")
        }
    }

    private static func hashes(_ values: ByteColumn) -> [UInt64] {
        values.data.withUnsafeBufferPointer { data in
            (0..<values.count).map { RowHash.text(UnsafeBufferPointer(rebasing: data[Int(values.offsets[$0])..<Int(values.offsets[$0 + 1])])) }
        }
    }

    // MARK: 128 bits

    /// Unscaled numbers of decimals, or the bits of UUIDs, the first byte highest. Not of codes.
    func wide(_ column: ColumnDefinition) throws(ParquetError) -> [Int128] {
        let isDecimal = column.type != .uuid
        switch self {
        case .int32(let numbers) where isDecimal: return numbers.map { Int128($0) }
        case .int64(let numbers) where isDecimal: return numbers.map { Int128($0) }
        case .fixed(let width, let bytes) where width == 16 || width < 16 && isDecimal: return Self.numbers(bytes, width)
        case .byteArray(let values) where isDecimal:
            let longest = (0..<values.count).map { values.offsets[$0 + 1] - values.offsets[$0] }.max() ?? 0
            guard longest <= 16 else { throw ParquetError(.malformed, column.name, "a decimal of \(longest) bytes") }
            return values.data.withUnsafeBytes { data in
                (0..<values.count).map { Self.number(UnsafeRawBufferPointer(rebasing: data[Int(values.offsets[$0])..<Int(values.offsets[$0 + 1])])) }
            }
        default: throw ParquetError(.malformed, column.name, "found values of another type, expected \(column.type)")
        }
    }

    private static func numbers(_ bytes: [UInt8], _ width: Int) -> [Int128] {
        bytes.withUnsafeBytes { raw in
            (0..<bytes.count / width).map { index in
                guard width == 16 else { return number(UnsafeRawBufferPointer(rebasing: raw[index * width..<(index + 1) * width])) }
                let upper = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: index * 16, as: UInt64.self))
                let lower = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: index * 16 + 8, as: UInt64.self))
                return Int128(truncatingIfNeeded: UInt128(upper) << 64 | UInt128(lower))
            }
        }
    }

    /// Two's complement, the first byte highest.
    private static func number(_ bytes: UnsafeRawBufferPointer) -> Int128 {
        var value: Int128 = (bytes.first ?? 0) >= 0x80 ? -1 : 0
        for byte in bytes { value = value << 8 | Int128(byte) }
        return value
    }
}
