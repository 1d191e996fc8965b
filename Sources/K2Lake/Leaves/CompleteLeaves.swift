import K2Iceberg
import K2Parquet

extension TableFile {
    /// As `leaves`, for who writes the rows of the file anew and lets go of it: what reading by the table's present columns would leave out must be
    /// known to be no column of the table any more.
    ///
    /// By the format a column that is not found is null, and a reader can be put right later: by a name in the mapping the values are back. Once the
    /// rows are written anew they are not.
    ///
    /// - Parameter schemas: all that the table has: a column of theirs that the present one does not have was dropped.
    /// - Throws: `unsupported` when something would be lost, or cannot be read; the message names the column.
    public func completeLeaves(_ table: TableColumns, schemas: [Schema]) throws -> FileLeaves {
        let found = try leaves(table)
        if let name = try UnmappedColumns(table.schema, schemas).first(in: FileSchema(reader.schema, table.mapping).fields) {
            throw IcebergError(
                .unsupported, "\(file.path): column \(name): the name mapping of the table does not name it, and no schema says that it was dropped: its values would be lost")
        }
        for (leaf, source) in zip(table.leaves, found.sources) {
            guard case .missing = source, file.countsValues(of: leaf.id) else { continue }
            throw IcebergError(
                .unsupported, "\(file.path): column \(leaf.name): not found in the file, while the manifest says that it has values: they would be lost")
        }
        try checkCodecs(found)
        return found
    }

    /// One chunk of each codec is as good as all.
    private func checkCodecs(_ leaves: FileLeaves) throws {
        var seen: Set<CompressionCodec> = []
        for group in rowGroups {
            for case .column(let number, _, _) in leaves.sources where seen.insert(reader.metadata.rowGroups[group].columns[number].codec).inserted {
                try Self.naming(file) { _ = try reader.pages(number, rowGroup: group) }
            }
        }
    }
}

extension DataFile {
    /// Whether the manifest says that a column has a value that is not null.
    fileprivate func countsValues(of id: Int) -> Bool {
        if let values = valueCounts[id], let nulls = nullValueCounts[id] { return values > nulls }
        return lowerBounds[id] != nil
    }
}

/// Columns of files without field ids that a table's name mapping says nothing about.
private struct UnmappedColumns {
    private let present: Schema
    private let schemas: [Schema]

    init(_ present: Schema, _ schemas: [Schema]) {
        self.present = present
        self.schemas = schemas
    }

    /// The dotted name of the first that was not dropped from the table.
    func first(in nodes: [FileSchema.Node], below path: [String] = []) -> String? {
        for node in nodes {
            let here = path + [node.element.name]
            if node.isUnmapped {
                if !wasDropped(here) { return here.joined(separator: ".") }
                continue
            }
            // What is below a column that is none of the table's goes with it.
            guard let id = node.id, let type = present.type(of: id) else { continue }
            if let name = first(inside: node, type, here) { return name }
        }
        return nil
    }

    /// Elements, keys and values are found by their place and need no name.
    private func first(inside node: FileSchema.Node, _ type: IcebergType, _ path: [String]) -> String? {
        switch type {
        case .primitive: return nil
        case .structure: return first(in: node.children, below: path)
        case .list(let list): return node.listElement.flatMap { first(inside: $0.node, list.element, path + ["element"]) }
        case .map(let map):
            guard let entry = node.mapEntry else { return nil }
            return first(inside: entry.key, map.key, path + ["key"]) ?? first(inside: entry.value, map.value, path + ["value"])
        }
    }

    private func wasDropped(_ path: [String]) -> Bool {
        let ids = schemas.compactMap { Self.id(of: path[...], .structure($0.fields)) }
        return !ids.isEmpty && ids.allSatisfy { present.type(of: $0) == nil }
    }

    private static func id(of path: ArraySlice<String>, _ type: IcebergType) -> Int? {
        guard let name = path.first else { return nil }
        let rest = path.dropFirst()
        switch type {
        case .primitive: return nil
        case .structure(let fields):
            guard let field = fields.first(where: { $0.name == name }) else { return nil }
            return rest.isEmpty ? field.id : id(of: rest, field.type)
        case .list(let list): return name == "element" ? id(of: rest, list.element) : nil
        case .map(let map): return name == "key" ? id(of: rest, map.key) : name == "value" ? id(of: rest, map.value) : nil
        }
    }
}
