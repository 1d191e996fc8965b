import K2Bytes
import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Rows

@testable import K2Lake
@testable import K2Maintenance

/// Rows of a table with values of all kinds, and the data file that they make.
struct RandomRows {
    let buffer: RowBuffer
    let schema: LakeSchema
    let store = MemoryStore()
    let file: DataFile

    static let day = 20_502

    init(_ definition: TableDefinition, count: Int, seed: UInt64) throws {
        var source = LakeRandomNumbers(seed: seed)
        var columns = definition.columns.map { ColumnBuilder($0) }
        for index in columns.indices { for _ in 0..<count { Self.append(to: &columns[index], &source, isTime: definition.timeColumn == definition.columns[index].name) } }
        buffer = RowBuffer(definition, columns: columns, rowCount: count)
        schema = try LakeSchema(definition)
        let writer = DataFileWriter(store: store, schema: schema)
        file = try writer.write(buffer.columns.map(\.column), rows: [UInt32](0..<UInt32(count))[...], partition: [.date(Int32(Self.day))], to: "mem:///file.parquet")
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

    func cold() throws -> ColdFile { try ColdFile(file, size: file.fileSize, in: store, schema) }

    var everything: ColdScan {
        ColdScan(schema: schema, metadata: metadata, store: store, columns: Array(schema.definition.columns.indices), mayGoOn: {})
    }

    private var metadata: TableMetadata {
        try! TableMetadata.create(
            tableUUID: "00000000-0000-4000-8000-000000000000", location: "mem:///table", schema: schema.schema, spec: schema.spec,
            sortOrder: schema.sortOrder, nowMS: 0)
    }
}
