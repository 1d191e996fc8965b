import K2Iceberg
import K2Lake
import K2Parquet

/// What rows are, whatever their order and however they are kept: their number, the sum of their digests, and for each leaf how many values it has and
/// their sum.
struct RowContent: Equatable {
    var rows: Int64 = 0
    var digest: UInt128 = 0
    /// By leaf.
    var totals: [LeafTotals]

    init(_ table: TableColumns) { totals = table.leaves.map { _ in LeafTotals() } }

    mutating func add(_ other: RowContent) {
        rows += other.rows
        digest &+= other.digest
        for index in totals.indices { totals[index].add(other.totals[index]) }
    }

    /// What differs, for people; nil when nothing does.
    func difference(_ written: RowContent, _ table: TableColumns) -> String? {
        if rows != written.rows { return "\(rows) rows were read and \(written.rows) written" }
        for (index, leaf) in table.leaves.enumerated() {
            let (read, found) = (totals[index], written.totals[index])
            if read.valueCount != found.valueCount { return "column \(leaf.name): \(read.valueCount) values were read and \(found.valueCount) written" }
            if read.sum != found.sum { return "column \(leaf.name): the values read sum up to \(read.sum), those written to \(found.sum)" }
        }
        return digest == written.digest ? nil : "the digests of all rows differ: \(Self.text(digest)) read, \(Self.text(written.digest)) written"
    }

    static func text(_ digest: UInt128) -> String {
        let digits = String(digest, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}

extension TableColumns {
    /// The types of the leaves as files have them.
    var leafTypes: [ParquetSchema.FieldType] { ParquetSchema(schema).leafTypes }

    func digests(_ types: [ParquetSchema.FieldType]) -> [LeafDigest] { zip(types, leaves).map { LeafDigest($0, number: $1.id) } }
}

extension RowContent {
    /// The rows of a data file as it is in the store, a row group at a time.
    init(reading file: TableFile, _ table: TableColumns, _ digests: inout RowDigests, room: Int, keepLease: () throws -> Void) throws {
        self.init(table)
        let input = GroupInput(file: file, leaves: try file.leaves(table), mask: nil)
        let leaves = table.digests(table.leafTypes)
        for group in file.rowGroups {
            let range = file.rows(of: group)
            digests.reset(count: range.count)
            let reader = GroupSlice([input], parts: [.init(input: 0, rows: range, liveCount: range.count)]).reader(table)
            for leaf in leaves.indices {
                try keepLease()
                try reader.forEachPiece(leaf, room: room) { piece in
                    guard let found = try piece.found() else { return }
                    digests.add(found, at: piece.start, leaf: leaves[leaf], factor: piece.factor, totals: &totals[leaf])
                }
            }
            rows += Int64(range.count)
            digest &+= digests.sum
        }
    }
}
