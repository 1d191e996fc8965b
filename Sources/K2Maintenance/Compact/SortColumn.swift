import K2Iceberg
import K2Lake
import K2Parquet

/// A column that rows are put into order by, read piece by piece.
struct SortColumn {
    let key: RowOrdering.Key
    let leaf: TableLeaf
    /// Of what is compared: of the results where the order is by a transform.
    private let type: PrimitiveType

    init(_ key: RowOrdering.Key, _ table: TableColumns) {
        self.key = key
        leaf = table.leaves[key.leaf]
        type = key.transform == .identity ? leaf.type : key.transform.resultType(leaf.type) ?? leaf.type
    }

    func makeBatch() -> LeafBatch { LeafBatch(ParquetSchema.FieldType(type), maxDefinition: leaf.maxDefinition, maxRepetition: 0) }

    /// The piece with what is compared in the place of its values.
    func applied(to piece: SliceReader.Piece) throws -> SliceReader.Piece {
        guard key.transform != .identity, let column = piece.column, piece.map.present != nil,
            let transformed = TransformedValues(leaf, key.transform, piece.conversion)
        else { return piece }
        var piece = piece
        piece.column = try transformed.apply(column)
        piece.conversion = .same
        return piece
    }

    /// - Precondition: the batch is sealed.
    func orderKeys(_ batch: LeafBatch) -> OrderKeys { batch.orderKeys(isDescending: key.isDescending, nullsFirst: key.nullsFirst) }
}
