import Foundation
import K2Bytes
import Testing

@testable import K2Parquet

struct RowGroupSkippingTests {
    private static func facts(_ least: Int64, _ greatest: Int64, nulls: Int64? = 0, entries: Int64 = 10) -> ChunkFacts {
        ChunkFacts(entryCount: entries, nullCount: nulls, bounds: .init(least: .int64(least), greatest: .int64(greatest)))
    }

    @Test func rangesThatTouchTheBoundsAreRead() {
        let facts = Self.facts(10, 20)
        #expect(facts.mayHold(.within(lower: .int64(20), upper: nil)) && facts.mayHold(.within(lower: nil, upper: .int64(10))))
        #expect(!facts.mayHold(.within(lower: .int64(21), upper: nil)) && !facts.mayHold(.within(lower: nil, upper: .int64(9))))
        #expect(facts.mayHold(.within(lower: nil, upper: nil)) && facts.mayHold(.within(lower: .int64(12), upper: .int64(13))))
        #expect(facts.mayHold(.oneOf([.int64(9), .int64(15)])) && !facts.mayHold(.oneOf([.int64(9), .int64(21)])) && !facts.mayHold(.oneOf([])))
        // A file from before the column became wider, and a value of another kind, of which nothing is known.
        #expect(!facts.mayHold(.within(lower: .int32(21), upper: nil)) && facts.mayHold(.within(lower: .bytes([1]), upper: nil)))
    }

    @Test func nullsDecideOnlyWhereTheyAreTheRowsOwn() {
        var facts = Self.facts(10, 20, nulls: 0)
        #expect(!facts.mayHold(.isNull) && facts.mayHold(.isNotNull))
        facts.isTopLevel = false
        #expect(facts.mayHold(.isNull))
        facts = ChunkFacts(entryCount: 10, nullCount: 10)
        #expect(facts.mayHold(.isNull) && !facts.mayHold(.isNotNull) && !facts.mayHold(.within(lower: nil, upper: nil)))
        facts.isTopLevel = false
        #expect(facts.mayHold(.isNotNull))
        facts = ChunkFacts(entryCount: 10)
        #expect(facts.mayHold(.isNull) && facts.mayHold(.isNotNull) && facts.mayHold(.oneOf([.int64(1)])))
    }

    private static func leaf(_ type: PhysicalType, _ logical: LogicalType? = nil, _ converted: ConvertedType? = nil) throws -> Leaf {
        let width: Int32? = type == .fixedLenByteArray ? 16 : nil
        let element = SchemaElement(name: "a", type: type, typeLength: width, repetition: .optional, convertedType: converted, logicalType: logical)
        return try SchemaTree([SchemaElement(name: "root", childCount: 1), element]).leaves[0]
    }

    @Test func boundsAreReadByTheirMeaningOrNotAtAll() throws {
        #expect(try BoundValue(statistic: [1, 0, 0, 0], Self.leaf(.int32)) == .int32(1))
        #expect(try BoundValue(statistic: [1, 0, 0], Self.leaf(.int32)) == nil)
        #expect(try BoundValue(statistic: [255, 255, 255, 255], Self.leaf(.int32, .integer(bitWidth: 32, isSigned: false))) == .int64(4_294_967_295))
        #expect(try BoundValue(statistic: [0xfe, 0xff], Self.leaf(.byteArray, .decimal(precision: 9, scale: 2))) == .decimal(-257))
        #expect(try BoundValue(statistic: [0xfe, 0xff], Self.leaf(.byteArray)) == .bytes([0xfe, 0xff]))
        #expect(try BoundValue(statistic: [2, 0, 0, 0, 0, 0, 0, 0], Self.leaf(.int64, nil, .timestampMillis)) == .int64(2000))
        let nanos = LogicalType.timestamp(isAdjustedToUTC: true, unit: .nanos)
        #expect(try BoundValue(statistic: [0xff] + [UInt8](repeating: 0xff, count: 7), Self.leaf(.int64, nanos)) == .int64(-1))
        #expect(try BoundValue(statistic: [0, 0, 0xc0, 0x7f], Self.leaf(.float)) == nil)
        #expect(try BoundValue(statistic: [UInt8](repeating: 1, count: 12), Self.leaf(.int96)) == nil)
        #expect(try BoundValue(statistic: [1], Self.leaf(.byteArray, .other(16))) == nil)
    }

    /// Bounds are believed only where the file says by which order.
    @Test func boundsWithoutAnOrderAreNotUsed() throws {
        let leaf = try Self.leaf(.int32)
        var statistics = ColumnStatistics(nullCount: 0, min: [1, 0, 0, 0], max: [2, 0, 0, 0])
        var chunk = ColumnChunkMetadata(
            type: .int32, encodings: [], path: ["a"], codec: .zstd, valueCount: 5, totalUncompressedSize: 0, totalCompressedSize: 0, dataPageOffset: 4,
            statistics: statistics)
        #expect(ChunkFacts(chunk, leaf, hasTypeDefinedOrder: true).bounds == .init(least: .int32(1), greatest: .int32(2)))
        #expect(ChunkFacts(chunk, leaf, hasTypeDefinedOrder: false).bounds == nil)
        statistics = ColumnStatistics(nullCount: 6, min: [2, 0, 0, 0], max: [1, 0, 0, 0])
        chunk.statistics = statistics
        #expect(ChunkFacts(chunk, leaf, hasTypeDefinedOrder: true) == ChunkFacts(entryCount: 5))
    }

    /// Over random data and predicates: a row that matches never lies in a row group that is left out.
    @Test func noRowThatMatchesIsLeftOut() throws {
        let seed = newSeed()
        var left = 0
        for round in 0..<6 {
            var random = SeededGenerator(seed: seed &+ UInt64(round))
            let every = EveryType(rows: 120, seed: seed &+ UInt64(round), nullPercent: round % 3 * 45)
            var options = WriterOptions()
            options.maxBoundLength = 3
            let groups = stride(from: 0, to: 120, by: 8).map { (batch: every.batch, rows: RowSelection.range($0..<$0 + 8)) }
            let (bytes, _) = try writeFile(every.schema, groups, options: options)
            left += try Self.check(try ParquetReader(bytes), &random, "seed \(seed) round \(round)")
        }
        #expect(left > 100, "seed \(seed)")
    }

    /// Returns how many row groups were left out.
    fileprivate static func check(_ reader: ParquetReader, _ random: inout SeededGenerator, _ what: Comment) throws -> Int {
        var left = 0
        for (field, node) in reader.schema.root.children.enumerated() where node.children.isEmpty {
            let columns = try reader.metadata.rowGroups.indices.map { try reader.field(field, rowGroup: $0).boundValues }
            let present = columns.joined().compactMap { $0 }
            var predicates: [LeafPredicate] = [.isNull, .isNotNull]
            for _ in 0..<6 {
                guard let one = present.randomElement(using: &random), let other = present.randomElement(using: &random) else { break }
                let (low, high) = other.precedes(one) ? (other, one) : (one, other)
                predicates += [.oneOf([one]), .within(lower: low, upper: high), .within(lower: nil, upper: low), .within(lower: high, upper: nil)]
            }
            for predicate in predicates {
                let chosen = Set(reader.rowGroups(where: [(node.leaves.lowerBound, predicate)]))
                left += columns.count - chosen.count
                for (group, values) in columns.enumerated() where !chosen.contains(group) {
                    #expect(!values.contains { predicate.holds($0) }, "\(what) column \(node.element.name) group \(group) \(predicate)")
                }
            }
        }
        return left
    }
}

@Suite(.enabled(if: ForeignPython.isWanted))
struct ForeignSkippingTests {
    @Test func noRowThatMatchesIsLeftOutOfFilesOfPyarrow() throws {
        let seed = newSeed() % 1_000_000
        try ForeignPython.withFolder { folder in
            _ = try ForeignPython.run("write_types.py", [folder.path, "\(seed)", "skipping"])
            var random = SeededGenerator(seed: seed)
            let reader = try ParquetReader([UInt8](try Data(contentsOf: folder.appending(path: "skipping.parquet"))))
            #expect(reader.metadata.rowGroups.count == 25)
            let left = try RowGroupSkippingTests.check(reader, &random, "seed \(seed)")
            #expect(left > 100, "seed \(seed)")
        }
    }
}

extension LeafPredicate {
    fileprivate func holds(_ value: BoundValue?) -> Bool {
        guard let value else { return self == .isNull }
        switch self {
        case .isNull: return false
        case .isNotNull: return true
        case .oneOf(let values): return values.contains { !$0.precedes(value) && !value.precedes($0) }
        case .within(let lower, let upper):
            return !(lower.map { value.precedes($0) } ?? false) && !(upper.map { $0.precedes(value) } ?? false)
        }
    }
}

extension Column {
    /// Each row's value, nil for null.
    fileprivate var boundValues: [BoundValue?] {
        let all: [BoundValue] =
            switch values {
            case .bool(let values): values.map { .bool($0) }
            case .int32(let values): values.map { .int32($0) }
            case .int64(let values): values.map { .int64($0) }
            case .float(let values): values.map { .float($0) }
            case .double(let values): values.map { .double($0) }
            case .int128(let values): values.map { .decimal($0) }
            case .uint128(let values): values.map { .uuid($0) }
            case .bytes(let values): (0..<values.count).map { .bytes(values[$0]) }
            case .dictionary, .list, .map: []
            }
        return all.enumerated().map { validity?[$0] == false ? nil : $1 }
    }
}
