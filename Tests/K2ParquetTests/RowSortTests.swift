import K2Bytes
import Testing

@testable import K2Parquet

struct RowSortTests {
    private func expected(_ keys: [UInt64]) -> [UInt32] {
        keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }.map { UInt32($0) }
    }

    @Test func `rows come in the order of their keys, equal ones as they were`() {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let width = Int.random(in: 0...64, using: &random)
            let mask: UInt64 = width == 64 ? .max : 1 << UInt64(width) - 1
            let keys = (0..<Int.random(in: 0...2000, using: &random)).map { _ in random.next() & mask & (random.chance(50) ? .max : 0xff) }
            #expect(RowSort.order(keys, width: width) ?? Array(0..<UInt32(keys.count)) == expected(keys), "seed \(seed)")
        }
    }

    @Test func `sorted runs are merged`() {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for count in [1, 2, 3, 7, 31] {
            var keys: [UInt64] = []
            for _ in 0..<count { keys += (0..<Int.random(in: 64...400, using: &random)).map { _ in random.next() % 5000 }.sorted() }
            #expect(RowSort.order(keys, width: 13) ?? Array(0..<UInt32(keys.count)) == expected(keys), "seed \(seed) runs \(count)")
        }
        #expect(RowSort.order([1, 1, 2, 9], width: 4) == nil && RowSort.order([], width: 0) == nil)
    }

    private func batch(_ type: ParquetSchema.FieldType, _ values: ColumnValues, _ validity: [Bool]?, coded: Bool) throws -> LeafBatch {
        let field = ParquetSchema.Field("a", type)
        let copies = coded ? 40 : 1
        let count = values.count
        let rows = (0..<copies).flatMap { _ in 0..<UInt32(count) }
        var options = WriterOptions()
        options.allowsDeltaEncodings = false
        let (bytes, _) = try writeFile(ParquetSchema([field]), [([Column(values, validity: validity)], .rows(rows[...]))], options: options)
        let column = try ParquetReader(bytes).column(0, rowGroup: 0, dictionaries: .kept)
        var batch = LeafBatch(type, maxDefinition: 1, maxRepetition: 0)
        try batch.append(try PieceRows(column, LevelMap(levels: [0, 1], maxRepetition: 0, present: 1, isIdentity: true), rows: [0..<count]))
        batch.seal()
        return batch
    }

    static let columns: [(ParquetSchema.FieldType, ColumnValues, [Bool]?)] = [
        (.int64, .int64([.min, -1, 0, 0, 5, .max]), nil),
        (.int64, .int64([.min, -1, 0, 0, 5, .max]), [true, true, false, true, true, true]),
        (.int32, .int32([-7, -7, 0, 3, 9, 100]), [true, true, true, false, true, true]),
        (.float, .float([-.infinity, -1.5, -0.0, 0.0, 2, .nan]), nil),
        (.float, .float([-.nan, -.infinity, -.leastNonzeroMagnitude, -0.0, 0.0, .infinity]), nil),
        (.double, .double([-.infinity, -1e300, -0.0, 0.0, .infinity, .nan]), [true, true, true, true, true, true]),
        (.double, .double([-.nan, -.infinity, -0.0, 0.0, .infinity, .nan]), [true, true, false, true, true, true]),
        (.decimal(precision: 38, scale: 2), .int128([-(1 << 100), -1, 0, 0, 1 << 99, 1 << 100]), nil),
        (.decimal(precision: 20, scale: 2), .int128([-12, -1, 0, 0, 7, 9_999_999_999]), nil),
        (.uuid, .uint128([0, 1, 1, 1 << 64, 1 << 127, .max]), nil),
        (.string, .bytes(ByteColumn(["", "a", "a", "ab", "b", "ü"])), [true, true, false, true, true, true]),
        (.boolean, .bool([false, false, false, true, true, true]), nil),
    ]

    @Test(arguments: columns.indices, [false, true]) func `keys have the order of the values`(_ index: Int, _ coded: Bool) throws {
        let (type, values, validity) = Self.columns[index]
        let batch = try batch(type, values, validity, coded: coded)
        for (isDescending, nullsFirst) in [(false, true), (false, false), (true, true), (true, false)] {
            let made = batch.orderKeys(isDescending: isDescending, nullsFirst: nullsFirst)
            #expect(made.keys.allSatisfy { made.width == 64 || $0 < 1 << UInt64(made.width) })
            // The columns above are in ascending order.
            let present = (0..<6).filter { validity?[$0] ?? true }
            for (left, right) in zip(present, present.dropFirst()) {
                let isSorted = isDescending ? made.keys[left] >= made.keys[right] : made.keys[left] <= made.keys[right]
                #expect(isSorted && (made.keys[left] == made.keys[right]) == Self.areEqual(values, left, right), "\(type) \(left)")
            }
            for null in 0..<6 where !(validity?[null] ?? true) {
                for row in present { #expect(nullsFirst ? made.keys[null] < made.keys[row] : made.keys[null] > made.keys[row], "\(type) \(row)") }
            }
        }
    }

    private static func areEqual(_ values: ColumnValues, _ left: Int, _ right: Int) -> Bool {
        switch values {
        case .float(let values): values[left].bitPattern == values[right].bitPattern
        case .double(let values): values[left].bitPattern == values[right].bitPattern
        default: Column(values).cells(.int64)[left] == Column(values).cells(.int64)[right]
        }
    }
}
