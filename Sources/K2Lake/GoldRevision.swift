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
        /// Of the file as it was read.
        var sequenceNumber: Int64?
        /// The delete files that were applied to it, by path.
        var deletes: Set<String>
        var groups: [RowGroup]
        var rowCount: Int { groups.reduce(0) { $0 + $1.kept.count } }
    }

    /// A row group, and the rows of it that stay.
    struct RowGroup {
        /// Reads it, when it is written anew: files may be larger than the memory.
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
        for field in table.metadata.currentSchema.fields where schema.definition.column(field.name) == nil {
            throw IcebergError(.unsupported, "column \(field.name) is not known here: rewriting a file would lose it")
        }
        let files = TableFiles(metadata: table.metadata, store: stores.objects)
        let index = try DeleteIndex(files)
        let candidates = try files.liveEntries(.data).filter { mayHold($0.file, first...last) }.map { DeletedFile(data: $0, deletes: index.deletes(for: $0)) }
        var reader = DeleteReader(store: stores.objects, metadata: table.metadata)
        let masks = try reader.masks(candidates)
        return try zip(candidates, masks).compactMap { try replacement($0, $1, names) }
    }

    /// What has become of the files since they were read that forbids their replacement: one is gone, or rows of it were deleted.
    func change(of replaced: [Replacement], in table: TableMetadata) throws(IcebergError) -> String? {
        if replaced.isEmpty { return nil }
        let files = TableFiles(metadata: table, store: stores.objects)
        let index = try DeleteIndex(files)
        let live = Dictionary(try files.liveEntries(.data).map { ($0.file.path, $0) }) { first, _ in first }
        for old in replaced {
            guard let now = live[old.file.path], now.sequenceNumber == old.sequenceNumber else { return "\(old.file.path) is not in the table any more" }
            if Set(index.deletes(for: now).map(\.file.path)) != old.deletes { return "rows of \(old.file.path) were deleted since" }
        }
        return nil
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

    private func replacement(_ input: DeletedFile, _ mask: RowMask?, _ names: Set<Name>) throws -> Replacement? {
        let file = input.data.file
        guard file.specID == schema.spec.specID else {
            throw IcebergError(.unsupported, "\(file.path): written with partition spec \(file.specID), not the table's present one")
        }
        let source = try LakeFile(file, in: stores.objects, schema)
        var groups: [RowGroup] = []
        var found = false
        var start = 0
        for group in source.rowGroups {
            let count = source.rowCount(group)
            let kept = try rows(of: source, group, without: names).filter { mask?.isLive(start + Int($0)) ?? true }
            found = found || kept.count < mask?.liveCount(in: start..<start + count) ?? count
            groups.append(RowGroup(columns: { try source.columns(rowGroup: group) }, kept: kept))
            start += count
        }
        guard found else { return nil }
        return Replacement(file: file, sequenceNumber: input.data.sequenceNumber, deletes: Set(input.deletes.map(\.file.path)), groups: groups)
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
