import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Parquet
import K2Rows
import Testing

@testable import K2Lake
@testable import K2Maintenance

/// What is read of a data file, column by column, against the rows that it was made of.
struct ColdScanTests {
    private static let tables = [MarketTables.silver, MarketTables.bronze(.kraken), MarketTables.gaps]

    private func deleted(_ file: DataFile) -> [DeletedFile] {
        [DeletedFile(data: ManifestEntry(status: .existing, snapshotID: 1, sequenceNumber: 1, fileSequenceNumber: 1, file: file), deletes: [])]
    }

    private func hashes(_ scan: ColdScan, _ file: DataFile) throws -> [UInt64] {
        let cold = try scan.open(file)
        var hashes: [UInt64] = []
        for group in cold.rowGroups {
            try scan.forEachBatch(scan.columns, cold, group) { batch in
                #expect(batch.rows <= scan.rowsAtOnce && batch.first == hashes.count)
                hashes += try scan.terms(batch, scan.columns)
                return true
            }
        }
        return hashes
    }

    @Test(arguments: [0, 1, 7, 3_000], [1 << 16, 256, 7])
    func `the hash of a row is that of its values, however many are read at once`(count: Int, rowsAtOnce: Int) throws {
        for definition in Self.tables {
            let seed = UInt64.random(in: 0 ... .max)
            let rows = try RandomRows(definition, count: count, seed: seed)
            let found = try hashes(rows.scan(rowsAtOnce: rowsAtOnce), rows.file)
            #expect(found == rows.buffer.hashes(of: 0..<count, columns: definition.columns.map(\.name)), "\(definition.coldName), seed \(seed)")
        }
    }

    @Test func `rows read a few at a time come to the same`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        let rows = try RandomRows(MarketTables.silver, count: 1_000, seed: seed)
        let (few, all, files) = (rows.scan(rowsAtOnce: 11), rows.everything, deleted(rows.file))
        let (expected, found) = (try all.sums(files, in: AuditOptions.everything, checks: true), try few.sums(files, in: AuditOptions.everything, checks: true))
        #expect(found.hours == expected.hours && found.problems == [] && expected.problems == [], "seed \(seed)")
        let hours = Set(expected.hours.keys.sorted().prefix(5))
        let (part, everywhere) = ((index: 1, count: 3), AuditOptions.everything)
        #expect(
            try few.prints(files, without: [], hours: hours, in: everywhere, part: part) == all.prints(files, without: [], hours: hours, in: everywhere, part: part),
            "seed \(seed)")
        var wrong = rows.file
        wrong.nullValueCounts[MarketTables.silver.column("vendor_data")!.nestedIDs[0]] = 100_000
        wrong.upperBounds[MarketTables.silver.column("side")!.id] = Array("A".utf8)
        #expect(try few.sums(deleted(wrong), in: everywhere, checks: true).problems == all.sums(deleted(wrong), in: everywhere, checks: true).problems)
    }

    @Test func `of a distant store a small file is asked for once`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        let rows = try RandomRows(MarketTables.silver, count: 500, seed: seed)
        let faults = Faults()
        let scan = rows.scan(rowsAtOnce: 1 << 16, of: DistantStore(inner: FailingStore(inner: rows.store, faults: faults)))
        #expect(try hashes(scan, rows.file) == hashes(rows.everything, rows.file), "seed \(seed)")
        #expect(faults.log.count { $0.hasPrefix("get ") } == 1)
    }

    /// As Hive and Spark lay files out: the column by which they are partitioned is not in them.
    @Test func `a column that a file was written without has the value of its partition`() throws {
        let (definition, seed) = (MarketTables.gold(.oneMinute), UInt64.random(in: 0 ... .max))
        let rows = try RandomRows(definition, count: 100, seed: seed, constants: ["exchange": "kraken"])
        for rowsAtOnce in [1 << 16, 9] {
            let found = try hashes(rows.scan(rowsAtOnce: rowsAtOnce), rows.file)
            #expect(found == rows.buffer.hashes(of: 0..<100, columns: definition.columns.map(\.name)), "seed \(seed)")
        }
        let problems = try rows.everything.sums(deleted(rows.file), in: AuditOptions.everything, checks: true).problems
        #expect(problems.allSatisfy { !$0.text.contains("exchange") }, "\(problems), seed \(seed)")
        let row = try rows.everything.row(rows.file, rowGroup: 0, position: 42)
        #expect(row.hashes(of: 0..<1, columns: ["exchange"]) == rows.buffer.hashes(of: 42..<43, columns: ["exchange"]))
        // What a repair writes anew.
        let column = try LakeFile(rows.file, in: rows.store, rows.schema).column(definition.index(of: "exchange")!, rowGroup: 0)
        #expect(column.values == rows.buffer.columns[definition.index(of: "exchange")!].column.values && column.validity == nil)
    }

    @Test func `the sums of hours are those of their rows`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        let rows = try RandomRows(MarketTables.silver, count: 2_000, seed: seed)
        let (hours, problems) = try rows.everything.sums(deleted(rows.file), in: AuditOptions.everything, checks: true)
        #expect(problems == [], "seed \(seed)")
        let times = rows.buffer.columns[MarketTables.silver.index(of: "timestamp")!].int64s
        let prices = rows.buffer.columns[MarketTables.silver.index(of: "price")!].int128s
        let hashes = rows.buffer.hashes(of: 0..<2_000, columns: MarketTables.silver.columns.map(\.name))
        for (hour, sums) in hours {
            let own = times.indices.filter { AuditHour.of(times[$0]) == hour }
            #expect(sums.rows == Int64(own.count) && sums.earliest == own.map { times[$0] }.min() && sums.latest == own.map { times[$0] }.max())
            #expect(sums.hash == own.reduce(0) { $0 &+ hashes[$1] } && sums.check == own.reduce(0) { $0 &+ RowHash.mix(hashes[$1]) })
            #expect(sums.measures[0].sum == own.reduce(0) { $0 &+ prices[$1] } && sums.measures[0].min == own.map { prices[$0] }.min())
        }
        #expect(hours.count == 24 && hours.values.reduce(0) { $0 + $1.rows } == 2_000, "seed \(seed)")
    }

    @Test func `a stop is asked for before each read`() throws {
        struct Stop: Error {}
        let rows = try RandomRows(MarketTables.silver, count: 500, seed: 1)
        func sums(_ mayGoOn: @escaping () throws -> Void) throws {
            let all = rows.everything
            let scan = ColdScan(schema: all.schema, metadata: all.metadata, store: all.store, columns: all.columns, rowsAtOnce: 100, mayGoOn: mayGoOn)
            _ = try scan.sums(deleted(rows.file), in: AuditOptions.everything, checks: true)
        }
        var asked = 0
        try sums { asked += 1 }
        #expect(asked > 500 / 100)
        for count in 1...asked {
            var now = 0
            #expect(throws: Stop.self) {
                try sums {
                    now += 1
                    if now == count { throw Stop() }
                }
            }
            #expect(now == count)
        }
    }

    @Test func `rows outside the range do not count`() throws {
        let rows = try RandomRows(MarketTables.silver, count: 500, seed: 1)
        let start = Int64(RandomRows.day) * 86_400_000_000
        let range = Timestamp(microseconds: start + 3_600_000_000)..<Timestamp(microseconds: start + 2 * 3_600_000_000)
        let times = rows.buffer.columns[MarketTables.silver.index(of: "timestamp")!].int64s
        let (hours, _) = try rows.everything.sums(deleted(rows.file), in: range, checks: false)
        #expect(hours.mapValues(\.rows) == [Int64(RandomRows.day) * 24 + 1: Int64(times.count { range.contains(Timestamp(microseconds: $0)) })])
    }

    @Test func `prints name rows and where they are`() throws {
        let rows = try RandomRows(MarketTables.silver, count: 300, seed: 2)
        let hours = Set(0..<24).union([3]).map { Int64(RandomRows.day) * 24 + Int64($0) }
        let all = try rows.everything.prints(deleted(rows.file), without: [], hours: Set(hours), in: AuditOptions.everything, part: nil)
        #expect(all.map(\.position) == Array(0..<300))
        #expect(all.map(\.identity) == rows.buffer.hashes(of: 0..<300, columns: MarketTables.silver.identity))
        let parts = try (0..<3).map { try rows.everything.prints(deleted(rows.file), without: [], hours: Set(hours), in: AuditOptions.everything, part: ($0, 3)) }
        #expect(parts.map(\.count).reduce(0, +) == 300 && parts.allSatisfy { $0.count > 50 })
        #expect(try rows.everything.prints(deleted(rows.file), without: [rows.file.path], hours: Set(hours), in: AuditOptions.everything, part: nil) == [])
    }

    @Test func `rows are found by their identity, whatever their time`() throws {
        let rows = try RandomRows(MarketTables.silver, count: 300, seed: 6)
        let names = rows.buffer.hashes(of: 0..<300, columns: MarketTables.silver.identity)
        let hashes = rows.buffer.hashes(of: 0..<300, columns: MarketTables.silver.columns.map(\.name))
        let times = rows.buffer.columns[MarketTables.silver.index(of: "timestamp")!].int64s
        let wanted = Set([5, 77, 299].map { names[$0] } + [1, 2, 3])
        let (found, problems) = try rows.everything.find(wanted, in: deleted(rows.file), without: [])
        #expect(problems == [] && Set(found.keys) == Set([5, 77, 299].map { names[$0] }))
        for row in [5, 77, 299] {
            let expected = ColdPrint(identity: names[row], row: hashes[row], time: times[row], file: 0, rowGroup: 0, position: UInt32(row))
            #expect(found[names[row]] == expected)
        }
        #expect(try rows.everything.find(wanted, in: deleted(rows.file), without: [rows.file.path]).found.isEmpty)
        var lost = rows.file
        lost.path = "mem:///elsewhere.parquet"
        #expect(try rows.everything.find(wanted, in: deleted(lost) + deleted(rows.file), without: []).problems.map(\.kind) == [.lost])
    }

    @Test func `rows are fetched whole`() throws {
        for definition in Self.tables {
            let rows = try RandomRows(definition, count: 200, seed: 3)
            let names = definition.columns.map(\.name)
            for row in [7, 0, 199] {
                let fetched = try rows.scan(rowsAtOnce: 64).row(rows.file, rowGroup: 0, position: row)
                #expect(fetched.hashes(of: 0..<1, columns: names) == rows.buffer.hashes(of: row..<row + 1, columns: names))
            }
            #expect(throws: ParquetError.self) { try rows.everything.row(rows.file, rowGroup: 0, position: 200) }
        }
    }

    @Test func `a file that is not there, or cut off, is a finding`() throws {
        let rows = try RandomRows(MarketTables.silver, count: 10, seed: 4)
        var other = rows.file
        other.path = "mem:///elsewhere.parquet"
        #expect(try rows.everything.sums(deleted(other), in: AuditOptions.everything, checks: true).problems.map(\.kind) == [.lost])
        let bytes = try rows.store.get(rows.file.path)
        try rows.store.put(Array(bytes.dropLast(3)), to: rows.file.path)
        #expect(try rows.everything.sums(deleted(rows.file), in: AuditOptions.everything, checks: true).problems.map(\.kind) == [.misdescribed, .unreadable])
    }

    /// Damage is found or changes nothing; it is never a crash.
    @Test func `bytes that are changed at random`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var source = LakeRandomNumbers(seed: seed)
        let rows = try RandomRows(MarketTables.silver, count: 300, seed: 5)
        let bytes = try rows.store.get(rows.file.path)
        for _ in 0..<300 {
            var damaged = bytes
            damaged[Int(source.next() % UInt64(bytes.count))] ^= UInt8(truncatingIfNeeded: source.next() | 1)
            try rows.store.put(damaged, to: rows.file.path)
            _ = try rows.everything.sums(deleted(rows.file), in: AuditOptions.everything, checks: true)
        }
    }
}
