import K2Iceberg
import K2ObjectStore
import K2Parquet

/// A data file or delete file of a table, opened: its footer is read, and its columns are matched with the table's leaves.
public struct TableFile {
    public let file: DataFile
    public let reader: ParquetReader

    /// - Parameter mayGoOn: called before each read; what it throws is passed on.
    /// - Throws: `unsupported` for formats other than Parquet, `malformed` and `missingFile` with the path; `StoreError`.
    public init(
        _ file: DataFile, in store: any ObjectStore, limits: ReaderLimits = ReaderLimits(), mayGoOn: @escaping () throws -> Void = {}
    ) throws {
        do {
            try self.init(file, limits: limits) { range in
                try mayGoOn()
                return try Self.read(Int64(range.lowerBound)..<Int64(range.upperBound), of: file, in: store)
            }
        } catch let error as IcebergError where error.code == .malformed {
            if let size = try? store.size(file.path), size > file.fileSize { throw Self.wrongSize(file, size) }
            throw error
        }
    }

    /// Bytes of a file as its manifest describes it.
    /// - Throws: `missingFile`, `malformed` when the file ends before them, `storage` when it cannot be read; `StoreError` for what may pass.
    public static func read(_ range: Range<Int64>, of file: DataFile, in store: any ObjectStore) throws -> [UInt8] {
        do { return try store.get(file.path, range: range) } catch let error as StoreError {
            switch error.code {
            case .notFound: throw IcebergError(.missingFile, "\(file.path): not in the store")
            case .invalidRange: throw wrongSize(file, try store.size(file.path))
            default: throw error.isRetryable ? error as any Error : IcebergError(.storage, "\(error)")
            }
        }
    }

    private static func wrongSize(_ file: DataFile, _ size: Int64) -> IcebergError {
        let comparison = size < file.fileSize ? "shorter" : "longer"
        return IcebergError(.malformed, "\(file.path): the file is \(comparison) than its manifest says: found \(size) bytes, expected \(file.fileSize)")
    }

    /// - Parameter source: gives bytes of the file, from wherever they are.
    public init(_ file: DataFile, limits: ReaderLimits = ReaderLimits(), source: @escaping ParquetReader.ByteSource) throws {
        guard file.format == "PARQUET" else { throw IcebergError(.unsupported, "\(file.path): a file in \(file.format): only Parquet is read") }
        self.file = file
        reader = try Self.naming(file) { try ParquetReader(fileSize: Int(file.fileSize), limits: limits, source: source) }
        guard reader.metadata.rowCount == file.recordCount else {
            throw IcebergError(.malformed, "\(file.path): found \(reader.metadata.rowCount) rows, the manifest says \(file.recordCount)")
        }
    }

    public var rowGroups: Range<Int> { 0..<reader.metadata.rowGroups.count }

    /// The rows of a row group, as numbers within the file.
    public func rows(of rowGroup: Int) -> Range<Int> {
        let start = reader.metadata.rowGroups[..<rowGroup].reduce(0) { $0 + Int($1.rowCount) }
        return start..<start + Int(reader.metadata.rowGroups[rowGroup].rowCount)
    }

    /// Where each of the table's leaves is in this file.
    public func leaves(_ table: TableColumns) throws -> FileLeaves {
        do throws(IcebergError) {
            return try FileLeaves(reader.schema, table.leaves, schema: table.schema, mapping: table.mapping, constants: file.constants(table.specs))
        } catch { throw IcebergError(error.code, "\(file.path): \(error.message)") }
    }

    /// Runs `body` with the file's path in Parquet's errors.
    static func naming<R>(_ file: DataFile, _ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as ParquetError {
            if error.code == .unsupported { throw IcebergError(.unsupported, "\(file.path): not supported: \(error.place): \(error.message)") }
            throw IcebergError(.malformed, "\(file.path): \(error)")
        }
    }

    /// Calls `body` with the rows of a column of one row group in their order, some pages at a time.
    /// - Parameter admit: may refuse a page for its size; what it throws is passed on.
    public func pieces(
        _ column: Int, rowGroup: Int, dictionaries: DictionaryReading = .kept, admit: PageAdmission? = nil, _ body: (LeafColumn) throws -> Void
    ) throws {
        try Self.naming(file) {
            var pages = try reader.pages(column, rowGroup: rowGroup, dictionaries: dictionaries, admit: admit)
            while let piece = try pages.next() { try body(piece) }
        }
    }
}

/// What is needed of a table to read its files.
public struct TableColumns: Sendable {
    public let schema: Schema
    public let leaves: [TableLeaf]
    public let mapping: NameMapping?
    /// Files may be written without the columns that they are partitioned by.
    public let specs: [PartitionSpec]

    public init(_ schema: Schema, mapping: NameMapping? = nil, specs: [PartitionSpec] = []) {
        self.schema = schema
        self.specs = specs
        leaves = schema.leaves
        self.mapping = mapping
    }

    /// The table's present columns, its name mapping and its partition specs.
    /// - Throws: `malformed` when the mapping cannot be read.
    public init(_ table: TableMetadata) throws(IcebergError) {
        self.init(table.currentSchema, mapping: try table.nameMapping, specs: table.partitionSpecs)
    }
}
