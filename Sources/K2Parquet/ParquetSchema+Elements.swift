extension ParquetSchema {
    /// The schema as the flat list of the footer.
    ///
    /// - Throws: when a field breaks the rules that `FieldType` states, or two fields share a name.
    func elements(_ nesting: Nesting = .flat) throws(ParquetError) -> [SchemaElement] {
        var list = [SchemaElement(name: name, childCount: Int32(fields.count))]
        try Self.append(fields, to: &list, path: "", nesting)
        return list
    }

    fileprivate static func append(_ fields: [Field], to list: inout [SchemaElement], path: String, _ nesting: Nesting) throws(ParquetError) {
        let place = path.isEmpty ? "schema" : path
        guard !fields.isEmpty else { throw ParquetError(.invalidInput, place, "no fields") }
        guard Set(fields.map(\.name)).count == fields.count else {
            throw ParquetError(.invalidInput, place, "two fields have the same name")
        }
        for field in fields { try field.append(to: &list, path: path.isEmpty ? field.name : "\(path).\(field.name)", nesting) }
    }
}

extension ParquetSchema.Field {
    fileprivate func append(to list: inout [SchemaElement], path: String, _ nesting: ParquetSchema.Nesting) throws(ParquetError) {
        switch type {
        case .list(let element):
            append(group: .list, .list, to: &list)
            list.append(SchemaElement(name: "list", repetition: .repeated, childCount: 1))
            try element.appendInner("element", to: &list, path: "\(path).list.element", nesting)
        case .map(let key, let value):
            guard key.isRequired else { throw ParquetError(.invalidInput, path, "map keys must be required") }
            append(group: .map, .map, to: &list)
            list.append(SchemaElement(name: "key_value", repetition: .repeated, childCount: 2))
            try key.appendInner("key", to: &list, path: "\(path).key_value.key", nesting)
            try value.appendInner("value", to: &list, path: "\(path).key_value.value", nesting)
        case .structure(let fields):
            guard nesting == .any else { throw ParquetError(.invalidInput, path, "structs are not written from columns") }
            list.append(SchemaElement(name: name, repetition: repetition, childCount: Int32(fields.count), fieldID: id))
            try ParquetSchema.append(fields, to: &list, path: path, nesting)
        default:
            try appendLeaf(to: &list, path: path)
        }
    }

    private var repetition: Repetition { isRequired ? .required : .optional }

    /// The names inside lists and maps are fixed by LogicalTypes.md of apache/parquet-format.
    private func appendInner(_ name: String, to list: inout [SchemaElement], path: String, _ nesting: ParquetSchema.Nesting) throws(ParquetError) {
        switch type {
        case .list where nesting == .flat, .map where nesting == .flat:
            throw ParquetError(.invalidInput, path, "lists and maps cannot be nested")
        default: break
        }
        var field = self
        field.name = name
        try field.append(to: &list, path: path, nesting)
    }

    private func append(group: LogicalType, _ converted: ConvertedType, to list: inout [SchemaElement]) {
        list.append(
            SchemaElement(
                name: name, repetition: repetition, childCount: 1, convertedType: converted,
                fieldID: id, logicalType: group))
    }

    private func appendLeaf(to list: inout [SchemaElement], path: String) throws(ParquetError) {
        var element = SchemaElement(name: name, repetition: repetition, fieldID: id)
        switch type {
        case .boolean: element.type = .boolean
        case .int32: element.type = .int32
        case .int64: element.type = .int64
        case .float: element.type = .float
        case .double: element.type = .double
        case .date: (element.type, element.convertedType, element.logicalType) = (.int32, .date, .date)
        case .timeMicros:
            element.type = .int64
            element.convertedType = .timeMicros
            element.logicalType = .time(isAdjustedToUTC: false, unit: .micros)
        case .timestampMicros(let isAdjustedToUTC):
            element.type = .int64
            element.convertedType = isAdjustedToUTC ? .timestampMicros : nil
            element.logicalType = .timestamp(isAdjustedToUTC: isAdjustedToUTC, unit: .micros)
        case .decimal(let precision, let scale): try Self.setDecimal(precision, scale, on: &element, path: path)
        case .string: (element.type, element.convertedType, element.logicalType) = (.byteArray, .utf8, .string)
        case .binary: element.type = .byteArray
        case .uuid: (element.type, element.typeLength, element.logicalType) = (.fixedLenByteArray, 16, .uuid)
        case .fixed(let length):
            guard length > 0, let width = Int32(exactly: length) else {
                throw ParquetError(.invalidInput, path, "fixed(\(length)): expected a length of 1 or more")
            }
            (element.type, element.typeLength) = (.fixedLenByteArray, width)
        case .list, .map, .structure: preconditionFailure("\(path): not a leaf")
        }
        list.append(element)
    }

    private static func setDecimal(_ precision: Int, _ scale: Int, on element: inout SchemaElement, path: String) throws(ParquetError) {
        guard (1...38).contains(precision), (0...precision).contains(scale) else {
            throw ParquetError(.invalidInput, path, "decimal(\(precision), \(scale)): expected a precision of 1 to 38 and a scale up to it")
        }
        if precision <= 9 {
            element.type = .int32
        } else if precision <= 18 {
            element.type = .int64
        } else {
            element.type = .fixedLenByteArray
            element.typeLength = Int32(ParquetSchema.FieldType.decimalWidth(precision: precision))
        }
        element.convertedType = .decimal
        element.precision = Int32(precision)
        element.scale = Int32(scale)
        element.logicalType = .decimal(precision: Int32(precision), scale: Int32(scale))
    }
}
