@testable import K2Bytes
import K2Parquet

// Columns as plain text, one cell a row: what the writer was given, what our reader and the foreign ones
// found must all read the same. See Foreign/dump.py for the other half.

extension Column {
    /// One cell for each row: NULL, numbers in decimal (decimals unscaled, floats by their bits), times in
    /// microseconds or days, everything made of bytes in hexadecimal, `[…]` for lists, `{key:value,…}` for maps.
    func cells(_ type: ParquetSchema.FieldType) -> [String] {
        let cells: [String]
        switch (values, type) {
        case (.bool(let values), _): cells = values.map { "\($0)" }
        case (.int32(let values), _): cells = values.map { "\($0)" }
        case (.int64(let values), _): cells = values.map { "\($0)" }
        case (.float(let values), _): cells = values.map { String($0.bitPattern, radix: 16) }
        case (.double(let values), _): cells = values.map { String($0.bitPattern, radix: 16) }
        case (.int128(let values), _): cells = values.map { "\($0)" }
        case (.uint128(let values), _): cells = values.map { value in Self.hex((0..<16).map { UInt8(truncatingIfNeeded: value >> (120 - 8 * $0)) }) }
        case (.bytes(let values), _): cells = (0..<values.count).map { Self.hex(values[$0]) }
        case (.dictionary(let codes, let values), _): cells = codes.map { Self.hex(values[Int($0)]) }
        case (.list(let offsets, let elements), .list(let element)):
            let inner = elements.cells(element.type)
            cells = zip(offsets, offsets.dropFirst()).map { "[" + inner[Int($0)..<Int($1)].joined(separator: ",") + "]" }
        case (.map(let offsets, let keys, let values), .map(let key, let value)):
            let inner = zip(keys.cells(key.type), values.cells(value.type)).map { "\($0):\($1)" }
            cells = zip(offsets, offsets.dropFirst()).map { "{" + inner[Int($0)..<Int($1)].joined(separator: ",") + "}" }
        default: cells = []
        }
        guard let validity else { return cells }
        return zip(cells, validity).map { $1 ? $0 : "NULL" }
    }

    /// The same for a column whose own form says all: elements of lists and maps too.
    var plainCells: [String] {
        let cells: [String]
        switch values {
        case .list(let offsets, let elements):
            let inner = elements.plainCells
            cells = zip(offsets, offsets.dropFirst()).map { "[" + inner[Int($0)..<Int($1)].joined(separator: ",") + "]" }
        case .map(let offsets, let keys, let values):
            let inner = zip(keys.plainCells, values.plainCells).map { "\($0):\($1)" }
            cells = zip(offsets, offsets.dropFirst()).map { "{" + inner[Int($0)..<Int($1)].joined(separator: ",") + "}" }
        default: return self.cells(.boolean)
        }
        guard let validity else { return cells }
        return zip(cells, validity).map { $1 ? $0 : "NULL" }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// A file in memory, written in one go.
func writeFile(
    _ schema: ParquetSchema, _ groups: [(batch: [Column], rows: RowSelection)], options: WriterOptions = WriterOptions()
) throws -> (bytes: [UInt8], summary: FileSummary) {
    final class Collector { var bytes: [UInt8] = [] }
    let collector = Collector()
    var writer = try ParquetWriter(schema: schema, options: options) { part in
        part.withUnsafeBufferPointer { collector.bytes.append(contentsOf: $0) }
    }
    for group in groups { try writer.writeRowGroup(group.batch, selecting: group.rows) }
    let summary = try writer.finish()
    return (collector.bytes, summary)
}

/// All cells of a file by field, read back by our reader.
func readCells(_ bytes: [UInt8], _ schema: ParquetSchema) throws -> [[String]] {
    let reader = try ParquetReader(bytes)
    return try schema.fields.enumerated().map { index, field in
        try reader.metadata.rowGroups.indices.flatMap { try reader.field(index, rowGroup: $0).cells(field.type) }
    }
}
