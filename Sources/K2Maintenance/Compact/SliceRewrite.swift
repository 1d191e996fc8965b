import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet

/// A slice does not fit into memory: it must be cut.
struct SliceTooLarge: Error {
    var column: String
    /// In about so many parts.
    var parts: Int
}

/// A batch does not fit into the memory that it has. An error of its own, since those of Parquet are taken for faults of the file that is read.
struct BatchFull: Error {
    static func naming<R>(_ body: () throws(ParquetError) -> R) throws -> R {
        do throws(ParquetError) { return try body() } catch { throw error.code == .tooLarge ? BatchFull() : error as any Error }
    }
}

/// Puts the rows of a slice into order and encodes them, one column after the other.
///
/// Only what the order needs is decoded first; then each column is decoded once, its values are taken in the order of the output, and what comes out
/// is kept encoded until files are put together. So memory holds the order, the digests of the rows, and one column.
struct SliceRewrite {
    let reader: SliceReader
    let ordering: RowOrdering
    /// Bytes that one decoded column may take, and the pages that it is read from.
    let columnLimit: Int
    let budget: MemoryBudget
    let options: WriterOptions
    /// Rows of a row group.
    let groupRows: Int
    let spill: ChunkSpill
    let keepLease: () throws -> Void

    /// A row group whose chunks are encoded.
    struct RowGroup {
        var rowCount: Int
        var chunks: [ChunkDescription] = []
        var places: [ChunkSpill.Place] = []
        var bytes: Int64 { chunks.reduce(0) { $0 + Int64($1.length) } }
    }

    private var table: TableColumns { reader.table }

    /// - Parameter content: gets what was read.
    func run(content: inout RowContent) throws -> [RowGroup] {
        let order = try order()
        let types = table.leafTypes
        let leaves = try FileAssembler.leaves(ParquetSchema(table.schema))
        let digests = table.digests(types)
        var groups = stride(from: 0, to: order.count, by: groupRows).map { RowGroup(rowCount: min(groupRows, order.count - $0)) }
        var rows = RowDigests(count: order.count)
        var encoder = try ChunkEncoder(options)
        for leaf in types.indices {
            try keepLease()
            var column = ColumnWork(leaf: leaf, type: types[leaf], digest: digests[leaf], size: reader.size(of: leaf))
            while column.encoded < order.count {
                let batch = try collect(&column, order, &rows, &content.totals[leaf])
                try encode(&column, order, batch, leaves[leaf], &encoder, &groups)
            }
        }
        content.rows += Int64(order.count)
        content.digest &+= rows.sum
        return groups
    }

    // MARK: Order

    /// The slice's rows in the order in which they are written.
    private func order() throws -> [UInt32] {
        let count = reader.slice.rowCount
        if ordering.keys.isEmpty { return [UInt32](0..<UInt32(count)) }
        var columns: [OrderKeys] = []
        for key in ordering.keys {
            try keepLease()
            columns.append(try keys(key))
            if !ordering.isZOrder, columns.count == 2 { columns = [SortKeys.joined(columns)] }
        }
        let keys = ordering.isZOrder ? SortKeys.interleaved(columns) : columns[0]
        columns = []
        return RowSort.order(keys.keys, width: keys.width) ?? [UInt32](0..<UInt32(count))
    }

    private func keys(_ key: RowOrdering.Key) throws -> OrderKeys {
        let column = SortColumn(key, table)
        var batch = column.makeBatch()
        let rows = reader.slice.rowCount
        batch.reserve(entries: rows, limit: budget.keyLimit)
        do {
            try reader.forEachPiece(key.leaf, room: budget.work / 2 - rows * 8) { piece in
                let piece = try column.applied(to: piece)
                try BatchFull.naming { () throws(ParquetError) in try batch.append(try piece.found(), of: piece) }
            }
        } catch is BatchFull {
            let expected = reader.size(of: key.leaf).bytes
            throw SliceTooLarge(column: column.leaf.name, parts: expected / max(budget.keyLimit, 1) + 2)
        }
        batch.seal()
        return column.orderKeys(batch)
    }

    // MARK: Columns

    /// How far a column has come.
    private struct ColumnWork {
        let leaf: Int
        let type: ParquetSchema.FieldType
        let digest: LeafDigest
        let size: SliceReader.ColumnSize
        /// Rows whose digests have it.
        var digested = 0
        /// Rows of the order that are encoded.
        var encoded = 0
        /// Rows that are taken at once; as many as fit turn out to be fewer when a column is larger than foreseen.
        var span = Int.max
        /// The rows of the pass; nil for all.
        var set: RowSet?
    }

    /// Decodes the rows `encoded..<encoded + span` of the order; when they do not fit, fewer.
    private func collect(
        _ work: inout ColumnWork, _ order: [UInt32], _ rows: inout RowDigests, _ totals: inout LeafTotals
    ) throws -> LeafBatch {
        while true {
            let count = min(work.span, order.count - work.encoded)
            work.set = count == order.count ? nil : RowSet(order[work.encoded..<work.encoded + count], of: order.count)
            let leaf = table.leaves[work.leaf]
            var batch = LeafBatch(work.type, maxDefinition: leaf.maxDefinition, maxRepetition: leaf.maxRepetition)
            let size = work.size.scaled(count, of: order.count)
            batch.reserve(entries: size.entries, limit: columnLimit)
            if try append(&work, &batch, &rows, &totals) {
                batch.seal()
                return batch
            }
            guard count > groupRows else { throw SliceTooLarge(column: leaf.name, parts: 2) }
            work.span = max(count / 2 / groupRows * groupRows, groupRows)
        }
    }

    /// False when the batch gets too large.
    private func append(_ work: inout ColumnWork, _ batch: inout LeafBatch, _ rows: inout RowDigests, _ totals: inout LeafTotals) throws -> Bool {
        let room = PageRoom(columnLimit)
        let admit: PageAdmission = { [reader, columnLimit, leaf = work.leaf] bytes in
            try reader.check(bytes, columnLimit, leaf)
            try room.admit(bytes)
        }
        do {
            try reader.forEachPiece(work.leaf, admit: admit) { piece in
                let found = try piece.found()
                if piece.start >= work.digested {
                    work.digested = piece.start + piece.rowCount
                    if let found { rows.add(found, at: piece.start, leaf: work.digest, factor: piece.factor, totals: &totals) }
                }
                try BatchFull.naming { () throws(ParquetError) in
                    try batch.leave(bytes: room.page)
                    if let set = work.set { try batch.append(piece, onlyIn: set) } else { try batch.append(found, of: piece) }
                }
                room.held = batch.byteCount
            }
            return true
        } catch is BatchFull { return false }
    }

    private func encode(
        _ work: inout ColumnWork, _ order: [UInt32], _ batch: LeafBatch, _ leaf: Leaf, _ encoder: inout ChunkEncoder, _ groups: inout [RowGroup]
    ) throws {
        let end = min(order.count, work.encoded + min(work.span, order.count - work.encoded))
        while work.encoded < end {
            try keepLease()
            let rows = work.encoded..<min(work.encoded + groupRows, end)
            var local = order[rows]
            if let set = work.set { local = local.map { set.number(of: $0) }[...] }
            let number = rows.lowerBound / groupRows
            let place = Kept(spill)
            groups[number].chunks.append(try encoder.encode(batch, rows: local, as: leaf) { try place.append($0) })
            groups[number].places.append(place.place)
            work.encoded = rows.upperBound
        }
    }
}

/// The room of a column and of the page that is read for it, which come out of one limit.
private final class PageRoom {
    private let limit: Int
    /// Bytes of the column so far.
    var held = 0
    /// Bytes that the page takes which was read last.
    private(set) var page = 0

    init(_ limit: Int) { self.limit = limit }

    func admit(_ bytes: Int) throws(BatchFull) {
        guard held + bytes <= limit else { throw BatchFull() }
        page = bytes
    }
}

/// A chunk in the making.
private final class Kept {
    private let spill: ChunkSpill
    private(set) var place = ChunkSpill.Place()

    init(_ spill: ChunkSpill) { self.spill = spill }

    func append(_ bytes: Span<UInt8>) throws { try spill.put(bytes, to: &place) }
}
