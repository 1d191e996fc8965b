extension ParquetSchema {
    /// The types of the leaves in the order in which they lie in a file.
    public var leafTypes: [FieldType] {
        var types: [FieldType] = []
        func visit(_ field: Field) {
            switch field.type {
            case .list(let element): visit(element)
            case .map(let key, let value):
                visit(key)
                visit(value)
            case .structure(let fields): fields.forEach(visit)
            default: types.append(field.type)
            }
        }
        fields.forEach(visit)
        return types
    }
}
