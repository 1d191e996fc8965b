import K2Domain
import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet

/// A data file of the lake as an audit reads it: its columns by the table's field ids, as they lie in the file.
struct ColdFile {
    /// Where the values of a column of the definition are.
    fileprivate enum Place {
        /// In these columns of the file: one, or two of a map.
        case stored(Range<Int>)
        /// The file was written without: the value of its partition in every row.
        case constant(LeafConstant)
        /// The file was written without: null in every row.
        case missing
    }

    let file: DataFile
    private let definition: TableDefinition
    private let reader: ParquetReader
    private let places: [Place]

    /// - Parameters:
    ///   - size: bytes that the object really has.
    ///   - specs: of the table.
    init(_ file: DataFile, size: Int64, in store: any ObjectStore, _ schema: LakeSchema, specs: [PartitionSpec]) throws {
        self.file = file
        definition = schema.definition
        let reader = try ParquetReader(fileSize: Int(size), source: Self.source(file.path, size, store))
        let (constants, leaves) = (file.constants(specs), schema.schema.leaves)
        places = try zip(schema.fieldIDs, schema.definition.columns).map { id, column in
            let fields = reader.schema.root.children
            // Files of writers that set no ids are read by name, as the table's name mapping has it.
            if let node = fields.first(where: { $0.element.fieldID == Int32(id) }) ?? fields.first(where: { $0.element.fieldID == nil && $0.element.name == column.name }) {
                return .stored(node.leaves)
            }
            guard let value = constants[id], let leaf = leaves.first(where: { $0.id == id }) else { return .missing }
            return .constant(try LeafConstant(value, leaf))
        }
        self.reader = reader
    }

    /// Of a distant store a file is fetched as a whole when it is no longer than this: its columns have some kilobytes each, and are as many requests.
    static let wholeBytes: Int64 = 8 << 20

    private static func source(_ path: String, _ size: Int64, _ store: any ObjectStore) -> ParquetReader.ByteSource {
        if store.capabilities.isLocal || size > wholeBytes { return { try store.get(path, range: Int64($0.lowerBound)..<Int64($0.upperBound)) } }
        var whole: [UInt8]?
        return { range in
            let bytes = try whole ?? store.get(path)
            guard range.upperBound <= bytes.count else {
                throw ParquetError(.malformed, "bytes \(range.lowerBound) to \(range.upperBound)", "the file has \(bytes.count) bytes, expected \(size)")
            }
            whole = bytes
            return Array(bytes[range])
        }
    }

    var rowGroups: Range<Int> { 0..<reader.metadata.rowGroups.count }

    func rowCount(_ rowGroup: Int) -> Int { Int(reader.metadata.rowGroups[rowGroup].rowCount) }

    /// What the footer says of the values of a leaf of a column in a row group; nil where it says nothing that readers may believe.
    func footerBounds(_ column: Int, leaf: Int, rowGroup: Int) -> ChunkFacts.ClosedBounds? {
        guard case .stored(let leaves) = places[column], leaf < leaves.count else { return nil }
        let number = leaves.lowerBound + leaf
        let chunk = reader.metadata.rowGroups[rowGroup].columns[number]
        return ChunkFacts(chunk, reader.schema.leaves[number], hasTypeDefinedOrder: reader.metadata.hasTypeDefinedOrder).bounds
    }

    /// Reads columns of a row group in step.
    /// - Parameters:
    ///   - columns: of the definition.
    ///   - rowsAtOnce: at most; fewer where rows are long.
    func batches(_ columns: [Int], rowGroup: Int, rowsAtOnce: Int) throws -> ColdBatches {
        let wanted = Set(columns)
        let streams = try definition.columns.indices.map { index in
            wanted.contains(index) ? try stream(index, rowGroup: rowGroup) : nil
        }
        return ColdBatches(streams, rows: rowCount(rowGroup), atOnce: min(rowsAtOnce, usualRows(rowGroup)))
    }

    private func stream(_ index: Int, rowGroup: Int) throws -> ColdStream {
        let column = definition.columns[index]
        switch places[index] {
        case .missing: return ColdStream(column, [], nil)
        case .constant(let value): return ColdStream(column, [], value)
        case .stored(let leaves):
            guard leaves.count == (column.type == .stringMap ? 2 : 1) else {
                throw ParquetError(.malformed, column.name, "found \(leaves.count) values for each of a row, expected \(column.type)")
            }
            return ColdStream(column, try leaves.map { LeafReading(try reader.pages($0, rowGroup: rowGroup, dictionaries: .kept)) }, nil)
        }
    }

    /// Rows that take some megabytes, by what the footer says of their size.
    private func usualRows(_ rowGroup: Int) -> Int {
        let group = reader.metadata.rowGroups[rowGroup]
        let bytes = group.columns.reduce(0.0) { $0 + Double(max($1.totalUncompressedSize, 0)) } / Double(max(group.rowCount, 1))
        return max(Int(Self.batchBytes / max(bytes, 1)), 256)
    }

    private static let batchBytes = 16.0 * 1_048_576
}
