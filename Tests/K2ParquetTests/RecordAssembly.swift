import K2Parquet

/// Puts rows together from the levels of their leaves by the letter of the Dremel paper, whatever their shape.
struct RecordAssembly {
    private var columns: [LeafColumn] = []
    private var entries: [Int] = []
    private var values: [Int] = []
    private let rowCount: Int

    init(_ reader: ParquetReader, rowGroup: Int) throws {
        for leaf in reader.schema.leaves.indices { columns.append(try reader.column(leaf, rowGroup: rowGroup)) }
        rowCount = Int(reader.metadata.rowGroups[rowGroup].rowCount)
        entries = columns.map { _ in 0 }
        values = entries
    }

    /// Each row of a top-level field: `(…;…)` structs, `[…]` lists, `{k:v,…}` maps, NULL, integers.
    func rows(_ node: SchemaNode) -> [String] {
        var copy = self
        return (0..<rowCount).map { _ in copy.cell(node, definition: 0, repetition: 0) }
    }

    private mutating func cell(_ node: SchemaNode, definition: Int, repetition: Int) -> String {
        guard node.element.repetition == .optional else { return content(node, definition, repetition) }
        if current(node) <= definition { return skipped(node, "NULL") }
        return content(node, definition + 1, repetition)
    }

    private mutating func content(_ node: SchemaNode, _ definition: Int, _ repetition: Int) -> String {
        if node.children.isEmpty { return leaf(node.leaves.lowerBound) }
        if let middle = node.children.first, middle.element.repetition == .repeated {
            let isMap = middle.children.count == 2
            if current(node) <= definition { return skipped(node, isMap ? "{}" : "[]") }
            var elements: [String] = []
            repeat {
                let parts = middle.children.map { cell($0, definition: definition + 1, repetition: repetition + 1) }
                elements.append(parts.joined(separator: ":"))
            } while nextRepetition(node) == repetition + 1
            return (isMap ? "{" : "[") + elements.joined(separator: ",") + (isMap ? "}" : "]")
        }
        return "(" + node.children.map { cell($0, definition: definition, repetition: repetition) }.joined(separator: ";") + ")"
    }

    private func current(_ node: SchemaNode) -> Int { Int(columns[node.leaves.lowerBound].definitionLevels[entries[node.leaves.lowerBound]]) }

    private func nextRepetition(_ node: SchemaNode) -> Int {
        let first = node.leaves.lowerBound
        return entries[first] < columns[first].entryCount ? Int(columns[first].repetitionLevels[entries[first]]) : 0
    }

    private mutating func skipped(_ node: SchemaNode, _ text: String) -> String {
        for leaf in node.leaves { entries[leaf] += 1 }
        return text
    }

    private mutating func leaf(_ index: Int) -> String {
        entries[index] += 1
        defer { values[index] += 1 }
        if case .int32(let numbers) = columns[index].values { return "\(numbers[values[index]])" }
        return "?"
    }
}
