import K2Bytes

extension ParquetReader {
    /// One top-level field of one row group in the shape in which `ParquetWriter` takes it.
    ///
    /// Decimals come as int128, UUIDs as uint128, timestamps in microseconds whatever unit the file has, unsigned
    /// integers of 32 and 64 bits as int64. Optional fields always have a validity.
    ///
    /// - Parameter dictionaries: `kept` gives byte strings that the file holds as codes as `ColumnValues.dictionary`.
    /// - Throws: `unsupported` for groups that are not lists and maps of leaves, for INT96, and for values that the column has no room for.
    public func field(_ index: Int, rowGroup: Int, dictionaries: DictionaryReading = .decoded) throws -> Column {
        guard schema.root.children.indices.contains(index) else {
            throw ParquetError(.invalidInput, "row group \(rowGroup)", "no field \(index) there")
        }
        let keeps = dictionaries == .kept
        do {
            switch try FieldShape(schema.root.children[index]) {
            case .flat(let leaf):
                return try flat(try column(leaf, rowGroup: rowGroup, dictionaries: .kept), keeps)
            case .list(let leaf, let isOptional, let level):
                let list = try repeated(try column(leaf, rowGroup: rowGroup, dictionaries: .kept), isOptional, level, keeps)
                return Column(.list(offsets: list.offsets, elements: list.elements), validity: list.validity)
            case .map(let key, let value, let isOptional, let level):
                let keys = try repeated(try column(key, rowGroup: rowGroup, dictionaries: .kept), isOptional, level, keeps)
                let values = try repeated(try column(value, rowGroup: rowGroup, dictionaries: .kept), isOptional, level, keeps)
                guard keys.offsets == values.offsets, keys.validity == values.validity else {
                    throw ParquetError(.malformed, schema.leaves[key].name, "keys and values do not have the same lengths")
                }
                return Column(.map(offsets: keys.offsets, keys: keys.elements, values: values.elements), validity: keys.validity)
            }
        } catch let error as ParquetError where !error.place.hasPrefix("row group") {
            throw ParquetError(error.code, "row group \(rowGroup): \(error.place)", error.message)
        }
    }

    private func flat(_ column: LeafColumn, _ keepsCodes: Bool) throws(ParquetError) -> Column {
        let values = try column.typedValues(keepsCodes: keepsCodes, limit: limits.chunkBytes)
        if column.leaf.maxDefinition == 0 { return Column(values) }
        if column.isFull { return Column(values, validity: [Bool](repeating: true, count: column.entryCount)) }
        let validity = column.definitionLevels.map { $0 == 1 }
        return Column(values.spread(validity), validity: validity)
    }

    private struct Repeated {
        var offsets: [UInt32] = []
        var validity: [Bool]?
        var elements: Column
    }

    /// - Parameter elementLevel: the definition level from which on there is an element, null or not.
    private func repeated(
        _ column: LeafColumn, _ isOptional: Bool, _ elementLevel: Int, _ keepsCodes: Bool
    ) throws(ParquetError) -> Repeated {
        let values = try column.typedValues(keepsCodes: keepsCodes, limit: limits.chunkBytes)
        let (element, highest) = (UInt8(elementLevel), UInt8(column.leaf.maxDefinition))
        var (offsets, validity, elementValidity): ([UInt32], [Bool], [Bool]) = ([], [], [])
        var (elements, isGood): (UInt32, Bool) = (0, column.repetitionLevels.first ?? 0 == 0)
        for (repetition, definition) in zip(column.repetitionLevels, column.definitionLevels) {
            if repetition == 0 {
                offsets.append(elements)
                validity.append(definition > 0 || !isOptional)
            } else if definition < element {
                isGood = false
            }
            if definition >= element {
                elements += 1
                if highest > element { elementValidity.append(definition == highest) }
            }
        }
        guard isGood else { throw ParquetError(.malformed, column.leaf.name, "levels that continue a list that is not there") }
        offsets.append(elements)
        let isFull = highest == element || values.count == Int(elements)
        return Repeated(
            offsets: offsets, validity: isOptional ? validity : nil,
            elements: Column(isFull ? values : values.spread(elementValidity), validity: highest > element ? elementValidity : nil))
    }
}

extension ColumnValues {
    /// The values with zeros or empty strings where `validity` is false.
    ///
    /// - Precondition: as many values as `validity` has true entries; neither lists nor maps.
    func spread(_ validity: [Bool]) -> ColumnValues {
        switch self {
        case .bool(let values): return .bool(Self.spread(values, validity, false))
        case .int32(let values): return .int32(Self.spread(values, validity, 0))
        case .int64(let values): return .int64(Self.spread(values, validity, 0))
        case .float(let values): return .float(Self.spread(values, validity, 0))
        case .double(let values): return .double(Self.spread(values, validity, 0))
        case .int128(let values): return .int128(Self.spread(values, validity, 0))
        case .uint128(let values): return .uint128(Self.spread(values, validity, 0))
        case .bytes(let values): return .bytes(Self.spread(values, validity))
        case .dictionary(let codes, let values):
            // Code 0 must name something, also when all is null.
            return values.count == 0 ? .bytes(Self.spread(values, validity)) : .dictionary(codes: Self.spread(codes, validity, 0), values: values)
        case .list, .map: preconditionFailure("lists and maps have no placeholders")
        }
    }

    private static func spread<T: BitwiseCopyable>(_ values: [T], _ validity: [Bool], _ null: T) -> [T] {
        var spread: [T] = []
        precondition(validity.count { $0 } == values.count)
        validity.withUnsafeBufferPointer { validity in
            values.withUnsafeBufferPointer { values in
                spread.append(uninitialized: validity.count) { target in
                    var next = 0
                    for index in 0..<validity.count {
                        target[index] = validity[index] ? values[next] : null
                        if validity[index] { next &+= 1 }
                    }
                }
            }
        }
        return spread
    }

    private static func spread(_ values: ByteColumn, _ validity: [Bool]) -> ByteColumn {
        var offsets: [UInt32] = [0]
        offsets.reserveCapacity(validity.count + 1)
        var next = 0
        for isValid in validity {
            if isValid { next += 1 }
            offsets.append(values.offsets[next])
        }
        return ByteColumn(offsets: offsets, data: values.data)
    }
}
