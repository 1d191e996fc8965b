import K2Bytes

/// What the values of a leaf mean, as far as their form in memory depends on it.
enum ValueMeaning: Equatable {
    /// As the physical type has them.
    case plain
    case decimal
    case uuid
    /// A timestamp of another unit: so many of them are one of the other.
    case coarserThanMicros(Int64)
    case finerThanMicros(Int64)
    case unsigned

    init(_ element: SchemaElement) {
        switch element.logicalType {
        case .decimal: self = .decimal
        case .uuid: self = .uuid
        case .timestamp(_, .millis): self = .coarserThanMicros(1000)
        case .timestamp(_, .nanos): self = .finerThanMicros(1000)
        case .integer(let width, isSigned: false) where width >= 32: self = .unsigned
        case nil:
            switch element.convertedType {
            case .decimal: self = .decimal
            case .timestampMillis: self = .coarserThanMicros(1000)
            case .uint32, .uint64: self = .unsigned
            default: self = .plain
            }
        default: self = .plain
        }
    }
}

extension LeafColumn {
    /// The values in the writer's terms, those that are null left out.
    ///
    /// - Parameter limit: bytes that the values may take, nulls counted.
    /// - Throws: `unsupported` for INT96 and for values that the writer's types do not hold exactly.
    func typedValues(keepsCodes: Bool, limit: Int) throws(ParquetError) -> ColumnValues {
        guard leaf.type != .int96 else { throw ParquetError(.unsupported, leaf.name, "values of type INT96") }
        let meaning = ValueMeaning(leaf.element)
        let stride = meaning == .decimal || meaning == .uuid ? 16 : values.stride
        guard entryCount <= limit / stride else { throw ParquetError(.tooLarge, leaf.name, "\(entryCount) values of \(stride) bytes, expected at most \(limit)") }
        do throws(ParquetError) {
            guard case .coded(let codes, let dictionary) = values else { return try values.typed(meaning) }
            let entries = try dictionary.values.typed(meaning)
            if case .bytes(let column) = entries {
                if keepsCodes { return .dictionary(codes: codes, values: column) }
                return try values.decoded(limit: limit).typed(meaning)
            }
            return entries.gathered(codes)
        } catch {
            throw ParquetError(error.code, error.place.isEmpty ? leaf.name : "\(leaf.name): \(error.place)", error.message)
        }
    }
}

extension ColumnValues {
    /// The values at `codes`, each of which is below `count`; not for bytes, lists and maps.
    fileprivate func gathered(_ codes: [UInt32]) -> ColumnValues {
        switch self {
        case .bool(let entries): .bool(codes.map { entries[Int($0)] })
        case .int32(let entries): .int32(codes.map { entries[Int($0)] })
        case .int64(let entries): .int64(codes.map { entries[Int($0)] })
        case .float(let entries): .float(codes.map { entries[Int($0)] })
        case .double(let entries): .double(codes.map { entries[Int($0)] })
        case .int128(let entries): .int128(codes.map { entries[Int($0)] })
        case .uint128(let entries): .uint128(codes.map { entries[Int($0)] })
        case .bytes, .dictionary, .list, .map: preconditionFailure("not a column of numbers")
        }
    }
}

extension LeafValues {
    fileprivate func typed(_ meaning: ValueMeaning) throws(ParquetError) -> ColumnValues {
        switch (self, meaning) {
        case (.boolean(let values), _): return .bool(values)
        case (.int32(let values), .decimal): return .int128(values.map { Int128($0) })
        case (.int32(let values), .unsigned): return .int64(values.map { Int64(UInt32(bitPattern: $0)) })
        case (.int32(let values), _): return .int32(values)
        case (.int64(let values), .decimal): return .int128(values.map { Int128($0) })
        case (.int64(let values), _): return .int64(try Self.int64s(values, meaning))
        case (.float(let values), _): return .float(values)
        case (.double(let values), _): return .double(values)
        case (.byteArray(let values), .decimal): return .int128(try Self.decimals(values))
        case (.byteArray(let values), _): return .bytes(values)
        case (.fixed(let width, let bytes), .decimal): return .int128(try Self.decimals(bytes, width))
        case (.fixed(16, let bytes), .uuid): return .uint128(try Self.decimals(bytes, 16).map { UInt128(bitPattern: $0) })
        case (.fixed(let width, let bytes), _):
            guard UInt32(exactly: bytes.count) != nil else { throw Self.tooLarge(Int(UInt32.max)) }
            let offsets = (0...bytes.count / width).map { UInt32($0 * width) }
            return .bytes(ByteColumn(offsets: offsets, data: bytes))
        case (.coded, _): return try decoded().typed(meaning)
        }
    }

    private static func int64s(_ values: [Int64], _ meaning: ValueMeaning) throws(ParquetError) -> [Int64] {
        switch meaning {
        case .coarserThanMicros(let factor):
            for value in values where value.multipliedReportingOverflow(by: factor).overflow {
                throw ParquetError(.unsupported, "", "a time of \(value) ms, which 64 bits of microseconds do not hold")
            }
            return values.map { $0 * factor }
        case .finerThanMicros(let factor):
            for value in values where value % factor != 0 {
                throw ParquetError(.unsupported, "", "a time of \(value) ns, which is no whole number of microseconds")
            }
            return values.map { $0 / factor }
        case .unsigned:
            for value in values where value < 0 {
                throw ParquetError(.unsupported, "", "an unsigned value of \(UInt64(bitPattern: value)), expected at most \(Int64.max)")
            }
            return values
        default: return values
        }
    }

    /// Two's complement numbers of `width` bytes, the most significant first.
    private static func decimals(_ bytes: [UInt8], _ width: Int) throws(ParquetError) -> [Int128] {
        var numbers: [Int128] = []
        var isGood = true
        bytes.withUnsafeBytes { source in
            numbers.append(uninitialized: bytes.count / width) { target in
                for index in 0..<bytes.count / width {
                    if width == 16 {
                        target[index] = Int128(bigEndian: source.loadUnaligned(fromByteOffset: index &* 16, as: Int128.self))
                    } else if let number = Self.number(UnsafeRawBufferPointer(rebasing: source[index * width..<(index + 1) * width])) {
                        target[index] = number
                    } else {
                        (target[index], isGood) = (0, false)
                    }
                }
            }
        }
        guard isGood else { throw ParquetError(.unsupported, "", "a decimal of more than 128 bits") }
        return numbers
    }

    private static func decimals(_ values: ByteColumn) throws(ParquetError) -> [Int128] {
        var numbers: [Int128] = []
        numbers.reserveCapacity(values.count)
        for index in 0..<values.count {
            let range = Int(values.offsets[index])..<Int(values.offsets[index + 1])
            guard !range.isEmpty else { throw ParquetError(.malformed, "", "a decimal without bytes") }
            let number = values.data.withUnsafeBytes { Self.number(UnsafeRawBufferPointer(rebasing: $0[range])) }
            guard let number else { throw ParquetError(.unsupported, "", "a decimal of more than 128 bits") }
            numbers.append(number)
        }
        return numbers
    }

    /// A two's complement number of one byte or more, the most significant first; nil when 128 bits do not hold it.
    static func number(_ bytes: UnsafeRawBufferPointer) -> Int128? {
        let sign: UInt8 = (bytes.first ?? 0) & 0x80 == 0 ? 0 : 0xff
        var number = Int128(sign == 0 ? 0 : -1)
        for byte in bytes.prefix(max(bytes.count - 16, 0)) where byte != sign { return nil }
        let low = bytes.suffix(16)
        if bytes.count > 16, low.first.map({ $0 & 0x80 != sign & 0x80 }) ?? true { return nil }
        for byte in low { number = number << 8 | Int128(byte) }
        return number
    }
}
