import K2Iceberg

extension CompactLake {
    /// A row with those values by column, and something in each other column that may not be null.
    func row(_ values: [String: Cell]) throws -> Row {
        var row: Row = [:]
        for field in try table.metadata.currentSchema.fields {
            if let value = values[field.name] { row[field.id] = value } else if field.required { row[field.id] = Self.filler(field.type) }
        }
        return row
    }

    private static func filler(_ type: IcebergType) -> Cell {
        switch type {
        case .primitive(.string): .bytes(Array("x".utf8))
        case .primitive(.uuid): .bytes([UInt8](repeating: 1, count: 16))
        case .primitive(.decimal): .decimal(1)
        case .list: .list([])
        case .map: .map([])
        default: .integer(1)
        }
    }
}
