import K2Bytes
import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Rows

@testable import K2Lake
@testable import K2Maintenance
@testable import K2Parquet

/// Rows of a table with values of all kinds, and the data file that they make.
struct RandomRows {
    let buffer: RowBuffer
    let schema: LakeSchema
    let store: MemoryStore
    let file: DataFile

    static let day = 20_502

    /// - Parameter constants: texts of columns that are the same in all rows, and of which only the partition tells: the file is without them.
    init(_ definition: TableDefinition, count: Int, seed: UInt64, constants: [String: String] = [:]) throws {
        var source = LakeRandomNumbers(seed: seed)
        var columns = definition.columns.map { ColumnBuilder($0) }
        for index in columns.indices {
            let name = definition.columns[index].name
            for _ in 0..<count {
                if let text = constants[name] { columns[index].append(Array(text.utf8).span) } else { Self.append(to: &columns[index], &source, isTime: definition.timeColumn == name) }
            }
        }
        let (buffer, schema, store) = (RowBuffer(definition, columns: columns, rowCount: count), try LakeSchema(definition), MemoryStore())
        (self.buffer, self.schema, self.store) = (buffer, schema, store)
        let partition = definition.partition.map { rule -> Datum? in
            switch rule {
            case .day: .date(Int32(Self.day))
            case .month: .int(Int32((2026 - 1970) * 12 + 1))
            case .identity(let column): .string(constants[column] ?? "")
            }
        }
        let rows = [UInt32](0..<UInt32(count))[...]
        if constants.isEmpty {
            file = try DataFileWriter(store: store, schema: schema).write(buffer.columns.map(\.column), rows: rows, partition: partition, to: "mem:///file.parquet")
            return
        }
        let kept = definition.columns.indices.filter { constants[definition.columns[$0].name] == nil }
        let object = try store.openWriter("mem:///file.parquet")
        var writer = try ParquetWriter(schema: ParquetSchema(kept.map { schema.parquet.fields[$0] }), options: WriterOptions()) { try object.write($0) }
        try writer.writeRowGroup(kept.map { buffer.columns[$0].column }, selecting: .rows(rows))
        _ = try writer.finish()
        try object.close()
        var made = DataFile(path: "mem:///file.parquet", recordCount: Int64(count), fileSize: object.count)
        made.partition = partition
        file = made
    }

    private static func append(to column: inout ColumnBuilder, _ source: inout LakeRandomNumbers, isTime: Bool) {
        if !column.definition.isRequired, source.next() % 3 == 0 { return column.appendNull() }
        let number = source.next()
        switch column.definition.type {
        case .boolean: column.append(number % 2 == 0)
        case .int32: column.append(Int32(truncatingIfNeeded: number))
        case .int64: column.append(Int64(bitPattern: number))
        case .timestamp: column.append(isTime ? Int64(day) * 86_400_000_000 + Int64(number % 86_400_000_000) : Int64(number % 4_000_000_000_000_000))
        case .decimal: column.append(Int128(Int64(bitPattern: number)) * Int128(source.next() % 1_000_000))
        case .uuid: column.append(UInt128(number) << 64 | UInt128(source.next()))
        case .string: text(&source) { column.append($0) }
        case .stringList, .stringMap:
            for place in 0..<number % 4 {
                text(&source) { column.appendElement($0) }
                if column.definition.type == .stringMap { text(&source, prefix: "\(place)") { column.appendMapValue($0) } }
            }
            column.endList()
        }
    }

    /// Few distinct ones, or many.
    private static func text(_ source: inout LakeRandomNumbers, prefix: String = "", _ body: (Span<UInt8>) -> Void) {
        let number = source.next()
        let bytes = Array((prefix + (number % 2 == 0 ? ["", "BUY", "é", "binance"][Int(number / 2 % 4)] : String(number, radix: 36))).utf8)
        body(bytes.span)
    }

    var everything: ColdScan { scan(rowsAtOnce: 1 << 16) }

    func scan(rowsAtOnce: Int, of other: (any ObjectStore)? = nil) -> ColdScan {
        ColdScan(schema: schema, metadata: metadata, store: other ?? store, columns: Array(schema.definition.columns.indices), rowsAtOnce: rowsAtOnce, mayGoOn: {})
    }

    private var metadata: TableMetadata {
        try! TableMetadata.create(
            tableUUID: "00000000-0000-4000-8000-000000000000", location: "mem:///table", schema: schema.schema, spec: schema.spec,
            sortOrder: schema.sortOrder, nowMS: 0)
    }
}
