import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet

/// A slice does not fit into memory: it must be cut.
struct SliceTooLarge: Error {
    var column: String
}

/// Puts the rows of a slice into order and encodes them, one column after the other.
///
/// Only what the order needs is decoded first; then each column is decoded once, its values are taken in the order of the output, and what comes out
/// is kept encoded until files are put together. So memory holds the order, the digests of the rows, and one column.
struct SliceRewrite {
    let reader: SliceReader
    let ordering: RowOrdering
    /// Bytes that one decoded column may take; and one that is sorted by.
    let columnLimit: Int
    let keyLimit: Int
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
        let leaf = table.leaves[key.leaf]
        let type = key.transform == .identity ? leaf.type : key.transform.resultType(leaf.type) ?? leaf.type
        var batch = LeafBatch(ParquetSchema.FieldType(type), maxDefinition: leaf.maxDefinition, maxRepetition: 0)
        batch.reserve(entries: reader.slice.rowCount, limit: keyLimit)
        try reader.forEachPiece(key.leaf) { piece in
            var piece = piece
            if key.transform != .identity, let column = piece.column, piece.map.present != nil,
                let transformed = TransformedValues(leaf, key.transform, piece.conversion)
            {
                piece.column = try transformed.apply(column)
                piece.conversion = .same
            }
            do throws(ParquetError) { try batch.append(try piece.found(), of: piece) } catch {
                throw error.code == .tooLarge ? SliceTooLarge(column: leaf.name) : error as any Error
            }
        }
        batch.seal()
        return batch.orderKeys(isDescending: key.isDescending, nullsFirst: key.nullsFirst)
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
            guard count > groupRows else { throw SliceTooLarge(column: leaf.name) }
            work.span = max(count / 2 / groupRows * groupRows, groupRows)
        }
    }

    /// False when the batch gets too large.
    private func append(_ work: inout ColumnWork, _ batch: inout LeafBatch, _ rows: inout RowDigests, _ totals: inout LeafTotals) throws -> Bool {
        struct TooLarge: Error {}
        do {
            try reader.forEachPiece(work.leaf) { piece in
                let found = try piece.found()
                if piece.start >= work.digested {
                    work.digested = piece.start + piece.rowCount
                    if let found { rows.add(found, at: piece.start, leaf: work.digest, factor: piece.factor, totals: &totals) }
                }
                do throws(ParquetError) {
                    if let set = work.set { try batch.append(piece, onlyIn: set) } else { try batch.append(found, of: piece) }
                } catch {
                    if error.code == .tooLarge { throw TooLarge() }
                    throw error
                }
            }
            return true
        } catch is TooLarge { return false }
    }

    private func encode(
        _ work: inout ColumnWork, _ order: [UInt32], _ batch: LeafBatch, _ leaf: Leaf, _ encoder: inout ChunkEncoder, _ groups: inout [RowGroup]
    ) throws {
        let end = min(order.count, work.encoded + min(work.span, order.count - work.encoded))
        while work.encoded < end {
            try keepLease()
            let rows = work.encoded..<min(work.encoded + groupRows, end)
            let chunk: EncodedChunk
            if let set = work.set {
                let local = order[rows].map { set.number(of: $0) }
                chunk = try encoder.encode(batch, rows: local[...], as: leaf)
            } else {
                chunk = try encoder.encode(batch, rows: order[rows], as: leaf)
            }
            let number = rows.lowerBound / groupRows
            groups[number].chunks.append(chunk.description)
            groups[number].places.append(try spill.put(chunk.bytes))
            work.encoded = rows.upperBound
        }
    }
}
