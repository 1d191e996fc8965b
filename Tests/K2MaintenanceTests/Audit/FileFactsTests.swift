import K2Domain
import K2Iceberg
import K2Lake
import Testing

@testable import K2Maintenance

struct FileFactsTests {
    private let definition = MarketTables.silver

    /// What is wrong with the file once `change` has changed what its manifest says.
    private func problems(_ change: (inout DataFile) -> Void) throws -> [String] {
        let rows = try RandomRows(definition, count: 400, seed: 9)
        var file = rows.file
        change(&file)
        let entry = ManifestEntry(status: .existing, snapshotID: 1, sequenceNumber: 1, fileSequenceNumber: 1, file: file)
        return try rows.everything.sums([DeletedFile(data: entry, deletes: [])], in: AuditOptions.everything, checks: true).problems.map(\.text)
    }

    private func id(_ name: String) -> Int { definition.column(name)!.id }

    @Test func `what our writer says is true`() throws { #expect(try problems { _ in } == []) }

    @Test func `counts`() throws {
        #expect(try problems { $0.recordCount = 399 } == ["record count: manifest says 399, file has 400"])
        #expect(try problems { $0.valueCounts[id("side")] = 7 } == ["side: manifest says 7 values, file has 400"])
        let nulls = try problems { $0.nullValueCounts[id("source_sequence")] = 0 }
        #expect(nulls.count == 1 && nulls[0].hasPrefix("source_sequence: manifest says 0 nulls, file has "))
        #expect(try problems { $0.fileSize += 1 } == ["size: manifest says \(try size() + 1) bytes, file has \(try size())"])
    }

    private func size() throws -> Int64 { try RandomRows(definition, count: 400, seed: 9).file.fileSize }

    @Test(arguments: ["message_id", "trade_id", "price", "quote_volume", "timestamp", "source_sequence", "is_valid"])
    func `bounds`(name: String) throws {
        let swapped = try problems { file in
            (file.lowerBounds[id(name)], file.upperBounds[id(name)]) = (file.upperBounds[id(name)], file.lowerBounds[id(name)])
        }
        #expect(swapped.count == 2 && swapped[0].hasPrefix("\(name): lower bound ") && swapped[1].hasPrefix("\(name): upper bound "), "\(swapped)")
        #expect(try problems { $0.lowerBounds[id(name)] = nil } == [])
    }

    @Test func `a bound that is none of the type`() throws {
        #expect(try problems { $0.lowerBounds[id("timestamp")] = [1, 2, 3] } == ["timestamp: lower bound of 3 bytes is no timestamptz"])
    }

    @Test func `the partition`() throws {
        let found = try problems { $0.partition = [.date(Int32(RandomRows.day - 1))] }
        #expect(found.count == 1 && found[0].hasPrefix("partition timestamp_day: "))
    }
}
