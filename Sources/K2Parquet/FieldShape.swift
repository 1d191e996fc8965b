/// What a top-level field is made of, as far as a `Column` can hold it.
enum FieldShape: Equatable {
    /// A leaf that is not repeated.
    case flat(leaf: Int)
    /// `elementLevel`: the definition level from which on there is an element, null or not.
    case list(leaf: Int, isOptional: Bool, elementLevel: Int)
    case map(key: Int, value: Int, isOptional: Bool, entryLevel: Int)

    /// - Throws: `unsupported` for structs, and for lists and maps of anything but leaves.
    ///
    /// Source: LogicalTypes.md of apache/parquet-format, sections Lists and Maps with their rules for older files.
    init(_ node: SchemaNode) throws(ParquetError) {
        let (element, first) = (node.element, node.leaves.lowerBound)
        if element.type != nil {
            // A repeated field of its own is a list that cannot be null, of elements that cannot.
            self = element.repetition == .repeated ? .list(leaf: first, isOptional: false, elementLevel: 1) : .flat(leaf: first)
            return
        }
        let unsupported = ParquetError(.unsupported, element.name, "a group that is not a list or map of leaves")
        guard element.repetition != .repeated, node.children.count == 1, let middle = node.children.first,
            middle.element.repetition == .repeated
        else { throw unsupported }
        let isOptional = element.repetition == .optional
        let level = isOptional ? 2 : 1
        if Self.isMap(element) {
            guard middle.children.count == 2, middle.children.allSatisfy(Self.isPlainLeaf) else { throw unsupported }
            self = .map(key: first, value: first + 1, isOptional: isOptional, entryLevel: level)
        } else if middle.element.type != nil {
            // The older form with two levels: what is repeated is the element.
            self = .list(leaf: first, isOptional: isOptional, elementLevel: level)
        } else {
            let isStruct = middle.children.count != 1 || middle.element.name == "array" || middle.element.name == "\(element.name)_tuple"
            guard !isStruct, middle.children.allSatisfy(Self.isPlainLeaf) else { throw unsupported }
            self = .list(leaf: first, isOptional: isOptional, elementLevel: level)
        }
    }

    private static func isMap(_ element: SchemaElement) -> Bool {
        element.logicalType == .map || element.convertedType == .map || element.convertedType == .mapKeyValue
    }

    private static func isPlainLeaf(_ node: SchemaNode) -> Bool { node.element.type != nil && node.element.repetition != .repeated }
}
