import K2Bytes

extension Column {
    /// Refuses a column whose parts do not fit the field or each other.
    func check(_ field: ParquetSchema.Field, rowCount: Int) throws(ParquetError) {
        guard values.count == rowCount else {
            throw ParquetError(.invalidInput, field.name, "found \(values.count) rows, expected \(rowCount)")
        }
        try checkValidity(rowCount, field.name)
        switch (field.type, values) {
        case (.list(let element), .list(let offsets, let elements)):
            try Self.check(offsets, elements, element, field.name)
        case (.map(let key, let value), .map(let offsets, let keys, let values)):
            try Self.check(offsets, keys, key, field.name)
            try Self.check(offsets, values, value, field.name)
        case (.list, _), (.map, _), (_, .list), (_, .map):
            throw ParquetError(.invalidInput, field.name, "column and field are not both lists or both maps")
        default: break
        }
    }

    private func checkValidity(_ count: Int, _ place: String) throws(ParquetError) {
        if let validity, validity.count != count {
            throw ParquetError(.invalidInput, place, "found validity of \(validity.count) values, expected \(count)")
        }
    }

    private static func check(
        _ offsets: [UInt32], _ elements: Column, _ field: ParquetSchema.Field, _ place: String
    ) throws(ParquetError) {
        var before: UInt32 = 0
        var isRising = !offsets.isEmpty
        for offset in offsets {
            if offset < before { isRising = false }
            before = offset
        }
        guard isRising, Int(before) <= elements.values.count else {
            throw ParquetError(.invalidInput, place, "offsets must not fall, and must end within \(elements.values.count) elements")
        }
        switch elements.values {
        case .list, .map: throw ParquetError(.invalidInput, place, "lists and maps cannot be nested")
        default: try elements.checkValidity(elements.values.count, place)
        }
    }
}

extension ColumnValues {
    /// The values at `positions` in the physical form of `type`.
    ///
    /// - Precondition: every position is below `count`.
    func physical(_ type: ParquetSchema.FieldType, at positions: [UInt32], place: String) throws(ParquetError) -> ChunkValues {
        switch (type, self) {
        case (.boolean, .bool(let values)): return .bits(Self.gather(values, positions))
        case (.int32, .int32(let values)), (.date, .int32(let values)): return .words32(Self.gather(values, positions))
        case (.int64, .int64(let values)), (.timestampMicros, .int64(let values)): return .words64(Self.gather(values, positions))
        case (.float, .float(let values)):
            return .words32(Self.gather(values, positions) { Int32(bitPattern: $0.bitPattern) })
        case (.double, .double(let values)):
            return .words64(Self.gather(values, positions) { Int64(bitPattern: $0.bitPattern) })
        case (.uuid, .uint128(let values)):
            return .words128(Self.gather(values, positions) { Int128(bitPattern: $0) }, width: 16)
        case (.decimal(let precision, _), .int128(let values)):
            return try Self.decimals(Self.gather(values, positions), precision: precision, place: place)
        case (.string, .bytes(let values)), (.binary, .bytes(let values)):
            return .slices(ByteSlices(column: values, positions: positions), fixedWidth: nil)
        case (.fixed(let length), .bytes(let values)):
            return try Self.fixed(ByteSlices(column: values, positions: positions), length, place)
        case (.string, .dictionary(let codes, let values)), (.binary, .dictionary(let codes, let values)):
            return .slices(try Self.interned(codes, values, positions, place), fixedWidth: nil)
        case (.fixed(let length), .dictionary(let codes, let values)):
            return try Self.fixed(try Self.interned(codes, values, positions, place), length, place)
        default:
            throw ParquetError(.invalidInput, place, "column of \(caseName), expected one for \(type)")
        }
    }

    private var caseName: String {
        switch self {
        case .bool: "bool"
        case .int32: "int32"
        case .int64: "int64"
        case .float: "float"
        case .double: "double"
        case .int128: "int128"
        case .uint128: "uint128"
        case .bytes: "bytes"
        case .dictionary: "dictionary"
        case .list: "list"
        case .map: "map"
        }
    }

    @inline(__always)
    private static func gather<T>(_ values: [T], _ positions: [UInt32]) -> [T] { gather(values, positions) { $0 } }

    @inline(__always)
    private static func gather<T, R>(_ values: [T], _ positions: [UInt32], _ convert: (T) -> R) -> [R] {
        [R](unsafeUninitializedCapacity: positions.count) { target, count in
            values.withUnsafeBufferPointer { values in
                for index in 0..<positions.count { target.initializeElement(at: index, to: convert(values[Int(positions[index])])) }
            }
            count = positions.count
        }
    }

    /// Numbers that do not fit the precision are cut here; `ColumnChunkWriter` refuses them by their bounds, so
    /// those that do not even fit the word are refused at once.
    private static func decimals(_ values: [Int128], precision: Int, place: String) throws(ParquetError) -> ChunkValues {
        if precision > 18 {
            return .words128(values, width: ParquetSchema.FieldType.decimalWidth(precision: precision))
        }
        let limit = ParquetSchema.FieldType.powerOfTen(precision)
        for value in values where value >= limit || value <= -limit {
            throw ParquetError(.invalidInput, place, "found \(value), expected at most \(precision) digits")
        }
        if precision <= 9 { return .words32(values.map { Int32(truncatingIfNeeded: $0) }) }
        return .words64(values.map { Int64(truncatingIfNeeded: $0) })
    }

    private static func fixed(_ slices: ByteSlices, _ length: Int, _ place: String) throws(ParquetError) -> ChunkValues {
        let wrong = slices.withUnsafe { slices in (0..<slices.positions.count).first { slices.length($0) != length } }
        if let wrong {
            let found = slices.withUnsafe { $0.length(wrong) }
            throw ParquetError(.invalidInput, place, "found a value of \(found) bytes, expected \(length)")
        }
        return .slices(slices, fixedWidth: length)
    }

    private static func interned(
        _ codes: [UInt32], _ values: ByteColumn, _ positions: [UInt32], _ place: String
    ) throws(ParquetError) -> ByteSlices {
        let chosen = gather(codes, positions)
        if let largest = chosen.max(), Int(largest) >= values.count {
            throw ParquetError(.invalidInput, place, "code \(largest), expected one below \(values.count)")
        }
        return ByteSlices(column: values, positions: chosen)
    }
}
