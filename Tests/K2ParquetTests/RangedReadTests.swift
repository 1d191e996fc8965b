import K2Bytes
import Testing

@testable import K2Parquet

struct RangedReadTests {
    private struct Lost: Error {}
    private final class Log { var ranges: [Range<Int>] = [] }

    private static func file() throws -> [UInt8] {
        let every = EveryType(rows: 2000, seed: 5)
        var options = WriterOptions()
        options.pageSize = 1000
        return try writeFile(every.schema, [(every.batch, .all), (every.batch, .range(0..<700))], options: options).bytes
    }

    @Test func onlyTheFooterAndTheWantedColumnAreFetched() throws {
        let bytes = try Self.file()
        let log = Log()
        let reader = try ParquetReader(fileSize: bytes.count) { range in
            log.ranges.append(range)
            return Array(bytes[range])
        }
        let footer = bytes.count - 8 - (0..<4).reduce(0) { $0 | Int(bytes[bytes.count - 8 + $1]) << (8 * $1) }
        #expect(log.ranges == [bytes.count - 8..<bytes.count, footer..<bytes.count - 8])
        for (leaf, chunk) in reader.metadata.rowGroups[1].columns.enumerated() where leaf % 5 == 0 {
            let start = Int(min(chunk.dictionaryPageOffset ?? .max, chunk.dataPageOffset))
            let whole = start..<start + Int(chunk.totalCompressedSize)
            log.ranges = []
            _ = try reader.column(leaf, rowGroup: 1)
            #expect(log.ranges == (whole.isEmpty ? [] : [whole]))
            log.ranges = []
            var pages = try reader.pages(leaf, rowGroup: 1, fetchBytes: 4096)
            while try pages.next() != nil {}
            #expect(log.ranges.first?.lowerBound ?? whole.lowerBound == whole.lowerBound && log.ranges.last?.upperBound ?? 0 <= whole.upperBound)
            // One after the other, nothing twice, and no more at once than was asked for, pages being shorter.
            #expect(zip(log.ranges, log.ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(log.ranges.allSatisfy { $0.count <= 4096 })
        }
    }

    @Test func whatTheSourceThrowsComesThrough() throws {
        let bytes = try Self.file()
        var (calls, good) = (0, 2)
        let source: ParquetReader.ByteSource = { range in
            calls += 1
            if calls > good { throw Lost() }
            return Array(bytes[range])
        }
        let reader = try ParquetReader(fileSize: bytes.count, source: source)
        #expect(throws: Lost.self) { try reader.column(0, rowGroup: 0) }
        #expect(throws: Lost.self) { try reader.field(0, rowGroup: 0) }
        (calls, good) = (0, 1)
        var pages = try reader.pages(3, rowGroup: 0, fetchBytes: 1)
        #expect(throws: Lost.self) { while try pages.next() != nil {} }
    }

    @Test func aSourceThatGivesTooLittleIsAnError() throws {
        let bytes = try Self.file()
        var isShort = false
        let reader = try ParquetReader(fileSize: bytes.count) { isShort ? Array(bytes[$0].dropLast()) : Array(bytes[$0]) }
        isShort = true
        #expect { try reader.column(0, rowGroup: 0) } throws: { "\($0)".contains("file: found ") }
    }
}
