import K2Bytes

extension ParquetReader {
    /// One top-level field of one row group in the shape in which `ParquetWriter` takes it.
    ///
    /// Decimals come as int128, UUIDs as uint128. Optional fields always have a validity.
    /// - Throws: `unsupported` for groups that are not the standard lists and maps of leaves.
    public func field(_ index: Int, rowGroup: Int) throws -> Column {
        guard schema.root.children.indices.contains(index) else {
            throw ParquetError(.invalidInput, "row group \(rowGroup)", "no field \(index) there")
        }
        let node = schema.root.children[index]
        if node.element.type != nil {
            guard node.element.repetition != .repeated else { throw unsupported(node) }
            return try flat(try column(node.leaves.lowerBound, rowGroup: rowGroup))
        }
        guard node.children.count == 1, let middle = node.children.first, middle.element.repetition == .repeated,
            node.element.repetition != .repeated, !middle.children.isEmpty,
            middle.children.allSatisfy({ $0.element.type != nil && $0.element.repetition != .repeated })
        else { throw unsupported(node) }
        let isOptional = node.element.repetition == .optional
        let parts = try middle.leaves.map { try repeated(try column($0, rowGroup: rowGroup), isOptional: isOptional) }
        let isMap = node.element.logicalType == .map || node.element.convertedType == .map
        if isMap, parts.count == 2 {
            guard parts[0].offsets == parts[1].offsets, parts[0].validity == parts[1].validity else {
                throw ParquetError(.malformed, node.element.name, "keys and values do not have the same lengths")
            }
            return Column(
                .map(offsets: parts[0].offsets, keys: parts[0].elements, values: parts[1].elements), validity: parts[0].validity)
        }
        guard parts.count == 1 else { throw unsupported(node) }
        return Column(.list(offsets: parts[0].offsets, elements: parts[0].elements), validity: parts[0].validity)
    }

    private func unsupported(_ node: SchemaNode) -> ParquetError {
        ParquetError(.unsupported, node.element.name, "a group that is not a standard list or map of leaves")
    }

    private func flat(_ column: LeafColumn) throws(ParquetError) -> Column {
        if column.leaf.maxDefinition == 0 { return Column(try column.values.typed(column.leaf)) }
        let validity = column.definitionLevels.map { $0 == 1 }
        try checkSpread(column, validity.count)
        return Column(try column.values.spread(validity).typed(column.leaf), validity: validity)
    }

    /// Nulls take the room of values once they are spread out, and their width is the file's.
    private func checkSpread(_ column: LeafColumn, _ count: Int) throws(ParquetError) {
        guard case .fixed(let width, _) = column.values, count > limits.chunkBytes / width else { return }
        throw ParquetError(.tooLarge, column.leaf.name, "\(count) values of \(width) bytes, expected at most \(limits.chunkBytes) bytes")
    }

    private struct Repeated {
        var offsets: [UInt32]
        var validity: [Bool]?
        var elements: Column
    }

    private func repeated(_ column: LeafColumn, isOptional: Bool) throws(ParquetError) -> Repeated {
        let element: UInt8 = isOptional ? 2 : 1
        let isElementOptional = column.leaf.maxDefinition > Int(element)
        var parts: (offsets: [UInt32], validity: [Bool], elementValidity: [Bool]) = ([], [], [])
        guard column.repetitionLevels.first ?? 0 == 0 else {
            throw ParquetError(.malformed, column.leaf.name, "the first value continues a row")
        }
        for (repetition, definition) in zip(column.repetitionLevels, column.definitionLevels) {
            if repetition == 0 {
                parts.offsets.append(UInt32(parts.elementValidity.count))
                parts.validity.append(definition > 0 || !isOptional)
            } else if definition < element {
                throw ParquetError(.malformed, column.leaf.name, "an element without a value or null")
            }
            if definition >= element { parts.elementValidity.append(Int(definition) == column.leaf.maxDefinition) }
        }
        parts.offsets.append(UInt32(parts.elementValidity.count))
        if isElementOptional { try checkSpread(column, parts.elementValidity.count) }
        let values = isElementOptional ? column.values.spread(parts.elementValidity) : column.values
        return Repeated(
            offsets: parts.offsets, validity: isOptional ? parts.validity : nil,
            elements: Column(try values.typed(column.leaf), validity: isElementOptional ? parts.elementValidity : nil))
    }
}

extension LeafValues {
    /// The values with zeros or empty strings where `validity` is false.
    ///
    /// - Precondition: as many values as `validity` has true entries.
    func spread(_ validity: [Bool]) -> LeafValues {
        switch self {
        case .boolean(let values): return .boolean(Self.spread(values, validity, false))
        case .int32(let values): return .int32(Self.spread(values, validity, 0))
        case .int64(let values): return .int64(Self.spread(values, validity, 0))
        case .float(let values): return .float(Self.spread(values, validity, 0))
        case .double(let values): return .double(Self.spread(values, validity, 0))
        case .byteArray(let values):
            var column = ByteColumn()
            var next = 0
            for isValid in validity {
                if isValid {
                    column.append(values[next].span)
                    next += 1
                } else {
                    column.appendEmpty()
                }
            }
            return .byteArray(column)
        case .fixed(let width, let bytes):
            var spread: [UInt8] = []
            var next = 0
            for isValid in validity {
                if isValid {
                    spread += bytes[next..<next + width]
                    next += width
                } else {
                    spread += repeatElement(0, count: width)
                }
            }
            return .fixed(width: width, spread)
        }
    }

    private static func spread<T>(_ values: [T], _ validity: [Bool], _ null: T) -> [T] {
        var next = 0
        return validity.map { isValid in
            guard isValid else { return null }
            defer { next += 1 }
            return values[next]
        }
    }

    /// The values in the writer's terms: decimals and UUIDs by their meaning.
    func typed(_ leaf: Leaf) throws(ParquetError) -> ColumnValues {
        let isDecimal = if case .decimal = leaf.element.logicalType { true } else { leaf.element.convertedType == .decimal }
        switch self {
        case .boolean(let values): return .bool(values)
        case .int32(let values): return isDecimal ? .int128(values.map { Int128($0) }) : .int32(values)
        case .int64(let values): return isDecimal ? .int128(values.map { Int128($0) }) : .int64(values)
        case .float(let values): return .float(values)
        case .double(let values): return .double(values)
        case .byteArray(let values): return .bytes(values)
        case .fixed(let width, let bytes):
            if isDecimal && width <= 16 { return .int128(Self.words(bytes, width).map { Self.signed($0, width) }) }
            if leaf.element.logicalType == .uuid && width == 16 { return .uint128(Self.words(bytes, width)) }
            guard UInt32(exactly: bytes.count) != nil else { throw ParquetError(.tooLarge, leaf.name, "\(bytes.count) bytes") }
            let offsets = (0...bytes.count / width).map { UInt32($0 * width) }
            return .bytes(ByteColumn(offsets: offsets, data: bytes))
        }
    }

    private static func words(_ bytes: [UInt8], _ width: Int) -> [UInt128] {
        stride(from: 0, to: bytes.count, by: width).map { start in
            bytes[start..<start + width].reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        }
    }

    /// Sign-extends the low `width` bytes.
    private static func signed(_ word: UInt128, _ width: Int) -> Int128 {
        let shift = 128 - 8 * width
        return Int128(bitPattern: word << shift) >> shift
    }
}
