import K2Iceberg
import K2Parquet

/// Where the entries of a table's leaf are in a data file.
public enum LeafSource: Equatable, Sendable {
    /// The file's column of that number.
    case column(Int, LevelMap, LeafConversion)
    /// The file was written without: one null a row, or what the levels of a neighbour make of it.
    case missing(neighbour: Neighbour?)
    /// The file was written without: the value of its partition in every row.
    case constant(LeafConstant)

    public struct Neighbour: Equatable, Sendable {
        public var column: Int
        public var levels: LevelMap
    }
}

/// Matches the leaves of a table's schema with the columns of one data file, by field id.
///
/// A column that the file does not have reads as the value of its partition where the file is partitioned by the column itself, else as null; one
/// that the table does not have any more is left out.
/// Source: https://iceberg.apache.org/spec/#column-projection
public struct FileLeaves: Sendable {
    /// One for each of the table's leaves.
    public let sources: [LeafSource]

    /// - Parameter constants: values of identity partition fields of the file, by the ids of their columns.
    /// - Throws: `unsupported` when the file's columns cannot be read as the table's; the message names the column.
    public init(
        _ tree: SchemaTree, _ leaves: [TableLeaf], schema: Schema, mapping: NameMapping?, constants: [Int: Datum] = [:]
    ) throws(IcebergError) {
        var match = Match(leaves: leaves, columns: tree.leaves, constants: constants)
        try match.fields(schema.fields, FileSchema(tree, mapping).fields, steps: [], place: "")
        sources = match.sources
    }
}

/// The walk through both schemas at once.
private struct Match {
    let leaves: [TableLeaf]
    let columns: [Leaf]
    let constants: [Int: Datum]
    /// For the leaves so far.
    var sources: [LeafSource] = []

    /// For each step so far whether the file has a level for it.
    typealias Levels = [Bool]

    init(leaves: [TableLeaf], columns: [Leaf], constants: [Int: Datum]) {
        self.leaves = leaves
        self.columns = columns
        self.constants = constants
    }

    mutating func fields(_ fields: [NestedField], _ nodes: [FileSchema.Node], steps: Levels, place: String) throws(IcebergError) {
        let neighbours = steps.isEmpty ? 0..<0 : (nodes.first?.leaves.lowerBound ?? 0)..<(nodes.last?.leaves.upperBound ?? 0)
        for field in fields {
            let name = place + field.name
            guard let node = nodes.first(where: { $0.id == field.id }) else {
                try missing(field.type, neighbours, steps: steps, name)
                continue
            }
            guard node.element.repetition != .repeated else { throw unsupported(name, "a repeated field that is no list") }
            try type(field.type, node, steps: steps + [node.element.repetition == .optional], name)
        }
    }

    private mutating func type(_ type: IcebergType, _ node: FileSchema.Node, steps: Levels, _ name: String) throws(IcebergError) {
        switch type {
        case .primitive(let primitive):
            guard node.isLeaf else { throw unsupported(name, "a group where a \(primitive) is expected") }
            let leaf = leaves[sources.count]
            let conversion: LeafConversion
            do throws(LeafMismatch) { conversion = try LeafConversion(of: columns[node.leaves.lowerBound], to: primitive) } catch {
                throw unsupported(name, "\(error.found) where a \(primitive) is expected")
            }
            sources.append(.column(node.leaves.lowerBound, Self.map(leaf, steps: steps, shared: leaf.steps.count, columns[node.leaves.lowerBound]), conversion))
        case .structure(let fields):
            guard !node.isLeaf else { throw unsupported(name, "a value where a struct is expected") }
            try self.fields(fields, node.children, steps: steps, place: name + ".")
        case .list(let list):
            guard let element = node.listElement else { throw unsupported(name, "no list of a form that is known") }
            try self.type(list.element, element.node, steps: steps + [true, element.hasLevel], name + ".element")
        case .map(let map):
            guard let entry = node.mapEntry else { throw unsupported(name, "no map of a form that is known") }
            try self.type(map.key, entry.key, steps: steps + [true, entry.key.element.repetition == .optional], name + ".key")
            try self.type(map.value, entry.value, steps: steps + [true, entry.valueHasLevel], name + ".value")
        }
    }

    /// All leaves below a field that the file does not have. `steps` are those above the field.
    private mutating func missing(_ type: IcebergType, _ neighbours: Range<Int>, steps: Levels, _ name: String) throws(IcebergError) {
        let count = Self.leafCount(type)
        for leaf in leaves[sources.count..<sources.count + count] {
            if let value = constants[leaf.id] {
                guard leaf.steps.count == 1 else {
                    throw unsupported(name, "not in the file, and the value of its partition cannot be filled in inside a struct")
                }
                sources.append(.constant(try LeafConstant(value, leaf)))
                continue
            }
            guard case .present(_, isOptional: true) = leaf.steps[steps.count] else {
                throw unsupported(name, "not in the file, and may not be null")
            }
            if steps.isEmpty {
                sources.append(.missing(neighbour: nil))
                continue
            }
            guard let column = neighbours.min(by: { columns[$0].maxRepetition < columns[$1].maxRepetition }) else {
                throw unsupported(name, "not in the file, and nothing beside it that tells of its parent")
            }
            sources.append(.missing(neighbour: .init(column: column, levels: Self.map(leaf, steps: steps, shared: steps.count, columns[column]))))
        }
    }

    private static func leafCount(_ type: IcebergType) -> Int {
        switch type {
        case .primitive: 1
        case .structure(let fields): fields.reduce(0) { $0 + leafCount($1.type) }
        case .list(let list): leafCount(list.element)
        case .map(let map): leafCount(map.key) + leafCount(map.value)
        }
    }

    /// - Parameters:
    ///   - steps: whether the file has a level for each of the leaf's first `shared` steps.
    ///   - column: of which levels are given; it may have further levels of its own.
    private static func map(_ leaf: TableLeaf, steps: Levels, shared: Int, _ column: Leaf) -> LevelMap {
        let levels = (0...column.maxDefinition).map { level -> UInt8 in
            var left = level
            var made = 0
            while made < shared, !steps[made] || left > 0 {
                if steps[made] { left -= 1 }
                made += 1
            }
            return leaf.definition(after: made) ?? LevelMap.broken
        }
        let repetition = leaf.steps[..<shared].count { if case .entry = $0 { true } else { false } }
        let isIdentity = levels.enumerated().allSatisfy { Int($1) == $0 } && column.maxRepetition == repetition && column.maxDefinition == leaf.maxDefinition
        return LevelMap(
            levels: levels, maxRepetition: UInt8(repetition), present: shared == leaf.steps.count ? UInt8(column.maxDefinition) : nil, isIdentity: isIdentity)
    }

    private func unsupported(_ name: String, _ text: String) -> IcebergError { IcebergError(.unsupported, "column \(name): \(text)") }
}
