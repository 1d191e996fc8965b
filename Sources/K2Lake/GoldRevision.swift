import K2Bytes
import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Parquet
import K2Rows

/// Replaces earlier revisions of candles: the files that hold them are written anew without them, in
/// the commit that adds the later revision. Any reader sees one row per candle.
struct GoldRevision {
    /// A data file that goes, and what stays of it.
    struct Replacement {
        var file: DataFile
        var groups: [RowGroup]
        var rowCount: Int { groups.reduce(0) { $0 + $1.kept.count } }
    }

    /// A row group, and the rows of it that stay. It is read when it is written anew: files may be larger than the memory.
    struct RowGroup {
        /// Gives what was read, or reads it.
        var columns: () throws -> [Column]
        var kept: [UInt32]
    }

    /// What names a candle within its interval.
    private struct Name: Hashable {
        var exchange: [UInt8]
        var symbol: [UInt8]
        var windowStart: Int64
    }

    let stores: LakeStores
    let schema: LakeSchema

    /// The files of `table` that hold a candle of `buffer` in an earlier revision.
    func plan(_ table: Table, _ buffer: RowBuffer) throws -> [Replacement] {
        let names = incoming(buffer)
        guard let first = names.map(\.windowStart).min(), let last = names.map(\.windowStart).max() else { return [] }
        let files = TableFiles(metadata: table.metadata, store: stores.objects)
        guard try !files.manifests().contains(where: { $0.content == .deletes && $0.mayHoldLiveFiles }) else {
            throw IcebergError(.unsupported, "rows deleted by delete files would come back: compact the table first")
        }
        for field in table.metadata.currentSchema.fields where schema.definition.column(field.name) == nil {
            throw IcebergError(.unsupported, "column \(field.name) is not known here: rewriting a file would lose it")
        }
        return try files.dataFiles().filter { mayHold($0, first...last) }.compactMap { try replacement($0, names) }
    }

    private func incoming(_ buffer: RowBuffer) -> Set<Name> {
        let exchange = buffer.columns[position("exchange")].strings
        let symbol = buffer.columns[position("canonical_symbol")].strings
        let start = buffer.columns[position("window_start")].int64s
        var names: Set<Name> = []
        for row in 0..<buffer.rowCount where !buffer.dead.contains(UInt32(row)) {
            names.insert(Name(exchange: exchange.value(row), symbol: symbol.value(row), windowStart: start[row]))
        }
        return names
    }

    private func position(_ name: String) -> Int { schema.definition.index(of: name)! }

    /// False only when the bounds of the file prove that it has no window in `range`.
    private func mayHold(_ file: DataFile, _ range: ClosedRange<Int64>) -> Bool {
        let id = schema.fieldIDs[position("window_start")]
        guard case .timestamp(let low)? = file.lowerBounds[id].flatMap({ Datum(singleValue: $0, type: .timestamptz) }),
            case .timestamp(let high)? = file.upperBounds[id].flatMap({ Datum(singleValue: $0, type: .timestamptz) })
        else { return true }
        return low <= range.upperBound && high >= range.lowerBound
    }

    private func replacement(_ file: DataFile, _ names: Set<Name>) throws -> Replacement? {
        guard file.specID == schema.spec.specID else {
            throw IcebergError(.unsupported, "\(file.path): written with partition spec \(file.specID), not the table's present one")
        }
        let source = try LakeFile(file, in: stores.objects, schema)
        var groups: [RowGroup] = []
        var found = false
        for group in source.rowGroups {
            let kept = try rows(of: source, group, without: names)
            found = found || kept.count < source.rowCount(group)
            groups.append(RowGroup(columns: { try source.columns(rowGroup: group) }, kept: kept))
        }
        return found ? Replacement(file: file, groups: groups) : nil
    }

    private func rows(of source: LakeFile, _ group: Int, without names: Set<Name>) throws -> [UInt32] {
        let exchange = try source.column(position("exchange"), rowGroup: group).values
        let symbol = try source.column(position("canonical_symbol"), rowGroup: group).values
        guard case .int64(let starts) = try source.column(position("window_start"), rowGroup: group).values else { throw IcebergError(.malformed, "window_start: expected times") }
        return starts.indices.compactMap { row in
            let name = Name(
                exchange: exchange.bytes(row), symbol: symbol.bytes(row), windowStart: starts[row])
            return names.contains(name) ? nil : UInt32(row)
        }
    }
}

extension ColumnValues {
    /// The bytes of row `row` of a string column.
    fileprivate func bytes(_ row: Int) -> [UInt8] {
        switch self {
        case .bytes(let column): column[row]
        case .dictionary(let codes, let values): values[Int(codes[row])]
        default: []
        }
    }
}
