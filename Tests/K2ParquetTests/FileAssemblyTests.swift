import K2Bytes
import Testing

@testable import K2Parquet

/// Rows of several files, gathered leaf by leaf and written anew in another order.
struct FileAssemblyTests {
    /// Some files of one schema, and which of their rows are taken.
    private struct Inputs {
        var schema: ParquetSchema
        var files: [[UInt8]] = []
        /// All rows of all files as cells, by field.
        var cells: [[String]]
        /// By file: rows that are taken.
        var taken: [[Bool]] = []

        init(seed: UInt64, _ random: inout SeededGenerator, nullPercent: Int) throws {
            schema = EveryType(rows: 0, seed: seed).schema
            cells = schema.fields.map { _ in [] }
            for number in 0..<Int.random(in: 1...4, using: &random) {
                let every = EveryType(rows: Int.random(in: 0...300, using: &random), seed: seed &+ UInt64(number), nullPercent: nullPercent)
                var options = WriterOptions()
                options.pageSize = random.chance(50) ? 300 : 1 << 20
                options.allowsDeltaEncodings = random.chance(50)
                let cut = every.rowCount / 3
                files.append(try writeFile(schema, [(every.batch, .range(0..<cut)), (every.batch, .range(cut..<every.rowCount))], options: options).bytes)
                for (field, column) in every.batch.enumerated() { cells[field] += column.cells(schema.fields[field].type) }
                let keepsAll = random.chance(40)
                taken.append((0..<every.rowCount).map { _ in keepsAll || random.chance(60) })
            }
        }

        var takenRows: [Int] { taken.joined().enumerated().filter(\.element).map(\.offset) }

        /// Calls `body` with each piece of a leaf and its rows that are taken.
        func forEachPiece(_ leaf: Int, _ body: (LeafColumn, [Range<Int>]) throws -> Void) throws {
            for (file, taken) in zip(files, taken) {
                let reader = try ParquetReader(file)
                var start = 0
                for group in reader.metadata.rowGroups.indices {
                    var pages = try reader.pages(leaf, rowGroup: group, dictionaries: .kept)
                    while let piece = try pages.next() {
                        let rows = 0..<piece.rowCount
                        let isWhole = taken[start..<start + rows.count].allSatisfy { $0 }
                        try body(piece, isWhole ? [rows] : rows.filter { taken[start + $0] }.map { $0..<$0 + 1 })
                        start += rows.count
                    }
                }
            }
        }
    }

    private func identity(_ leaf: Leaf) -> LevelMap {
        LevelMap(
            levels: (0...leaf.maxDefinition).map { UInt8($0) }, maxRepetition: UInt8(leaf.maxRepetition), present: UInt8(leaf.maxDefinition),
            isIdentity: true)
    }

    /// The file of the rows in `order`, and the digests and totals of what was read.
    /// - Parameter limited: whether batches get as little memory as will do, so that dictionaries are given up early.
    private func assemble(_ inputs: Inputs, _ order: [UInt32], groupRows: Int, limited: Bool = false) throws -> (file: [UInt8], digest: UInt128, totals: [LeafTotals]) {
        final class Collector { var bytes: [UInt8] = [] }
        let collector = Collector()
        let leaves = try FileAssembler.leaves(inputs.schema)
        let cuts = stride(from: 0, to: order.count, by: groupRows).map { $0..<min($0 + groupRows, order.count) }
        var groups = cuts.map { _ in [EncodedChunk]() }
        var encoder = try ChunkEncoder()
        var digests = RowDigests(count: order.count)
        var totals = leaves.map { _ in LeafTotals() }
        for (index, (leaf, type)) in zip(leaves, inputs.schema.leafTypes).enumerated() {
            var start = 0
            try inputs.forEachPiece(index) { piece, rows in
                digests.add(try PieceRows(piece, identity(leaf), rows: rows), at: start, leaf: LeafDigest(type, number: index), totals: &totals[index])
                start += rows.reduce(0) { $0 + $1.count }
            }
            let batch = try collect(inputs, index, leaf, type, limit: limited ? 256 : nil)
            #expect(batch.rowCount == order.count)
            for (number, cut) in cuts.enumerated() { groups[number].append(try encoder.encode(batch, rows: order[cut], as: leaf)) }
        }
        var assembler = try FileAssembler(inputs.schema) { part in part.withUnsafeBufferPointer { collector.bytes.append(contentsOf: $0) } }
        for (cut, chunks) in zip(cuts, groups) { try assembler.append(chunks.map(\.description), rowCount: cut.count) { chunks[$0].bytes } }
        let summary = try assembler.finish()
        #expect(summary.rowCount == Int64(order.count) && summary.fileSize == Int64(collector.bytes.count))
        return (collector.bytes, digests.sum, totals)
    }

    /// A leaf of all inputs, with the smallest power of two from `limit` on that is enough.
    private func collect(_ inputs: Inputs, _ index: Int, _ leaf: Leaf, _ type: ParquetSchema.FieldType, limit: Int?) throws -> LeafBatch {
        var limit = limit
        while true {
            var batch = LeafBatch(type, maxDefinition: leaf.maxDefinition, maxRepetition: leaf.maxRepetition)
            if let limit { batch.reserve(entries: inputs.takenRows.count, limit: limit) } else if index % 2 == 0 { batch.reserve(entries: inputs.takenRows.count) }
            do {
                try inputs.forEachPiece(index) { piece, rows in
                    try batch.append(try PieceRows(piece, identity(leaf), rows: rows))
                    if let limit { #expect(batch.byteCount <= limit) }
                }
                batch.seal()
                return batch
            } catch let error as ParquetError where error.code == .tooLarge { limit = limit.map { $0 * 2 } }
        }
    }

    private func digest(_ file: [UInt8], _ schema: ParquetSchema) throws -> (UInt128, [LeafTotals]) {
        let reader = try ParquetReader(file)
        var sum: UInt128 = 0
        var totals = reader.schema.leaves.map { _ in LeafTotals() }
        for (group, metadata) in reader.metadata.rowGroups.enumerated() {
            var digests = RowDigests(count: Int(metadata.rowCount))
            for (index, (leaf, type)) in zip(reader.schema.leaves, schema.leafTypes).enumerated() {
                var pages = try reader.pages(index, rowGroup: group, dictionaries: .decoded)
                var start = 0
                while let piece = try pages.next() {
                    digests.add(try PieceRows(piece, identity(leaf), rows: [0..<piece.rowCount]), at: start, leaf: LeafDigest(type, number: index), totals: &totals[index])
                    start += piece.rowCount
                }
            }
            sum &+= digests.sum
        }
        return (sum, totals)
    }

    @Test(arguments: [0, 20, 100]) func `rows come out in the wanted order, with the digests they were read with`(_ nullPercent: Int) throws {
        for _ in 0..<4 {
            let seed = newSeed()
            var random = SeededGenerator(seed: seed)
            let inputs = try Inputs(seed: seed, &random, nullPercent: nullPercent)
            let rows = inputs.takenRows
            let order = [UInt32](0..<UInt32(rows.count)).shuffled(using: &random)
            let made = try assemble(inputs, order, groupRows: Int.random(in: 1...400, using: &random), limited: Bool.random(using: &random))
            for (field, (found, cells)) in zip(inputs.schema.fields, zip(try readCells(made.file, inputs.schema), inputs.cells)) {
                #expect(found == order.map { cells[rows[Int($0)]] }, "seed \(seed) column \(field.name)")
            }
            let (digest, totals) = try digest(made.file, inputs.schema)
            #expect(digest == made.digest && totals == made.totals, "seed \(seed)")
        }
    }

    @Test func `what was written is described as the writer of columns describes it`() throws {
        let seed = newSeed()
        let every = EveryType(rows: 400, seed: seed)
        let (bytes, summary) = try writeFile(every.schema, [(every.batch, .all)])
        let leaves = try FileAssembler.leaves(every.schema)
        let reader = try ParquetReader(bytes)
        for (index, (leaf, type)) in zip(leaves, every.schema.leafTypes).enumerated() {
            var batch = LeafBatch(type, maxDefinition: leaf.maxDefinition, maxRepetition: leaf.maxRepetition)
            let column = try reader.column(index, rowGroup: 0, dictionaries: .kept)
            try batch.append(try PieceRows(column, identity(leaf), rows: [0..<column.rowCount]))
            batch.seal()
            var encoder = try ChunkEncoder()
            let chunk = try encoder.encode(batch, rows: [UInt32](0..<400)[...], as: leaf)
            let old = summary.columns[index]
            #expect(chunk.description.bounds == old.bounds, "seed \(seed) \(leaf.name)")
            #expect(Int64(chunk.description.nullCount) == old.nullCount && Int64(chunk.description.nanCount) == old.nanCount, "seed \(seed) \(leaf.name)")
            #expect(chunk.description.metadata.statistics == summary.metadata.rowGroups[0].columns[index].statistics, "seed \(seed) \(leaf.name)")
        }
    }

    @Test func `a changed, lost or doubled row changes the sum of digests, another order does not`() throws {
        let schema = ParquetSchema([
            .init("a", .int64, isRequired: true), .init("b", .string), .init("c", .list(element: .init("element", .int32, isRequired: true))),
        ])
        func file(_ rows: [(Int64, String?, [Int32]?)]) throws -> UInt128 {
            var (offsets, elements): ([UInt32], [Int32]) = ([0], [])
            for row in rows {
                elements += row.2 ?? []
                offsets.append(UInt32(elements.count))
            }
            let batch = [
                Column(.int64(rows.map(\.0))), Column(.bytes(ByteColumn(rows.map { $0.1 ?? "" })), validity: rows.map { $0.1 != nil }),
                Column(.list(offsets: offsets, elements: Column(.int32(elements))), validity: rows.map { $0.2 != nil }),
            ]
            return try digest(try writeFile(schema, [(batch, .all)]).bytes, schema).0
        }
        let rows: [(Int64, String?, [Int32]?)] = [(1, "x", [1, 2]), (2, nil, []), (3, "", nil), (4, "x", [2, 1])]
        let sum = try file(rows)
        #expect(try file(rows.reversed()) == sum)
        var different: [[(Int64, String?, [Int32]?)]] = [Array(rows.dropLast()), rows + [rows[0]]]
        func change(_ row: Int, _ body: (inout (Int64, String?, [Int32]?)) -> Void) {
            var copy = rows
            body(&copy[row])
            different.append(copy)
        }
        change(0) { $0.0 = 0 }
        change(1) { $0.1 = "" }
        change(2) { $0.1 = nil }
        change(1) { $0.2 = nil }
        change(2) { $0.2 = [] }
        change(0) { $0.2 = [2, 1] }
        change(0) { $0.2 = [1, 2, 0] }
        change(3) { $0.2 = [2] }
        // Values that change places between rows leave every column's sum as it was.
        var swapped = rows
        (swapped[0].0, swapped[1].0) = (rows[1].0, rows[0].0)
        different.append(swapped)
        let sums = try different.map(file) + [sum]
        #expect(Set(sums).count == sums.count)
    }
}
