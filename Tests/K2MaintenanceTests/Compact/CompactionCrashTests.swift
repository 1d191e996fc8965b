import K2Iceberg
import K2Lake
import K2ObjectStore
import K2SQL
import K2TestSupport
import Synchronization
import Testing

@testable import K2Maintenance
@testable import K2StateStore

/// Failing stores and catalogs, and a store that gives back other bytes than it was given.
struct CompactionCrashTests {
    private func lake(_ seed: UInt64, wrap: (any ObjectStore) -> any ObjectStore = { $0 }) throws -> CompactLake {
        var random = Seeded(seed)
        let schema = try Schema(fields: [
            NestedField(1, "part", .int, required: false), NestedField(2, "id", .long, required: true),
            NestedField(5, "tags", .list(ListType(elementID: 6, element: .string, elementRequired: true)), required: false),
        ])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "p", transform: .identity)])
        let lake = try CompactLake(schema: schema, spec: spec, sortOrder: SortOrder(fields: [SortField(sourceID: 2)]), wrap: wrap)
        for part in [0, 1] { try lake.append((0..<2).map { _ in try lake.makeFile(4, part: Int64(part), &random) }) }
        let file = try lake.dataFiles[0]
        try lake.addDeletes([try lake.positionDeletes([(file.path, 2)], specID: 0, partition: file.partition)])
        return lake
    }

    private var options: CompactOptions {
        var options = CompactOptions()
        options.minInputFiles = 2
        options.rewritesManifests = true
        return options
    }

    /// As the tool does it: what dead runs left open is closed first.
    private func runAgain(_ lake: CompactLake) throws {
        for intent in try lake.state.maintenanceIntents(table: nil) { try lake.state.closeMaintenance(id: intent.id) }
        #expect(try lake.compact(options).status != .different)
    }

    /// As when a connection to the state store ends: the run goes on, and says in the end that it is done.
    @Test func `an intent that cannot be closed at once is closed by a second try`() throws {
        let lake = try lake(3)
        try lake.state.engine.runScript(
            """
            CREATE TABLE tries (number INTEGER);
            CREATE TRIGGER fails_once BEFORE DELETE ON maintenance_intents BEGIN
              INSERT INTO tries VALUES (1); SELECT RAISE(FAIL, 'away') WHERE (SELECT count(*) FROM tries) = 1;
            END;
            """)
        #expect(try lake.compact(options).status == .done)
        let tries = try #require(try lake.state.engine.read("SELECT count(*) FROM tries").first?.integer(0))
        #expect(tries > 1)
        #expect(try lake.state.maintenanceIntents(table: nil).isEmpty)
    }

    /// A process that is killed stops at a call of store or catalog, before it or behind it.
    @Test(arguments: Faults.Moment.allCases) func `wherever it ends, the table is whole, and the next run does the rest`(_ moment: Faults.Moment) throws {
        let clean = try lake(3)
        let expected = try clean.content()
        clean.faults.fail(call: .max, .before)
        _ = try clean.compact(options)
        let log = clean.faults.log
        #expect(log.count > 40)
        for call in 1...log.count {
            // Of reads, which change nothing, a part is enough, and one moment.
            if log[call - 1].hasPrefix("get"), moment == .after || call % 3 > 0 { continue }
            let lake = try lake(3)
            lake.faults.fail(call: call, moment)
            var wasCut = true
            do {
                _ = try lake.compact(options)
                wasCut = false
            } catch {
                #expect(!(error is ContentDifference), "call \(call)")
            }
            #expect(lake.faults.hasFailed, "call \(call)")
            lake.faults.stop()
            #expect(try lake.content() == expected, "call \(call) \(moment) cut \(wasCut)")
            try lake.expectReplacementsEqual("call \(call) \(moment)")
            try runAgain(lake)
            #expect(try lake.content() == expected, "call \(call) \(moment), then again")
            #expect(try lake.dataFiles.count == 2 && lake.deleteFiles.isEmpty, "call \(call) \(moment)")
            // What was left behind is named by no snapshot, and nothing that a snapshot names was taken away.
            for snapshot in try lake.table.metadata.snapshots { _ = try lake.content(snapshot: snapshot.snapshotID) }
        }
    }

    // MARK: The proof

    /// Changes what is written to data files at one place.
    private final class CorruptingStore: ObjectStore {
        private let inner: any ObjectStore
        private let place = Mutex<(@Sendable ([UInt8]) -> [UInt8])?>(nil)

        init(_ inner: any ObjectStore) { self.inner = inner }

        func corrupt(_ body: @escaping @Sendable ([UInt8]) -> [UInt8]) { place.withLock { $0 = body } }

        private func changed(_ bytes: [UInt8], _ location: String) -> [UInt8] {
            guard location.contains("/run-"), let body = place.withLock({ $0 }) else { return bytes }
            return body(bytes)
        }

        var capabilities: StoreCapabilities { inner.capabilities }
        func get(_ location: String) throws(StoreError) -> [UInt8] { changed(try inner.get(location), location) }
        func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8] {
            guard location.contains("/run-") else { return try inner.get(location, range: range) }
            return Array(changed(try inner.get(location), location)[Int(range.lowerBound)..<Int(range.upperBound)])
        }
        func size(_ location: String) throws(StoreError) -> Int64 { try inner.size(location) }
        func put(_ bytes: [UInt8], to location: String) throws(StoreError) { try inner.put(bytes, to: location) }
        func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError) { try inner.putIfAbsent(bytes, to: location) }
        func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter { try inner.openWriter(location) }
        func list(prefix: String) throws(StoreError) -> [StoredObject] { try inner.list(prefix: prefix) }
        func delete(_ location: String) throws(StoreError) -> Bool { try inner.delete(location) }
    }

    /// Flips each bit that matters of a file: none may pass as the same rows unless the rows are the same.
    @Test func `a byte that the store changes is found before the commit`() throws {
        var store: CorruptingStore?
        let lake = try lake(5) { inner in
            let made = CorruptingStore(inner)
            store = made
            return made
        }
        let corrupting = try #require(store)
        let before = try lake.content()
        let snapshot = try lake.table.metadata.currentSnapshotID
        var random = Seeded.start()
        var (found, harmless) = (0, 0)
        for _ in 0..<60 {
            let (place, bit) = (random.int(4...1_000_000), UInt8(random.int(0...7)))
            corrupting.corrupt { bytes in
                var bytes = bytes
                bytes[4 + place % (bytes.count - 8)] ^= 1 << bit
                return bytes
            }
            var options = options
            options.maxCommits = 1
            options.rewritesManifests = false
            let outcome = try lake.compact(options)
            if outcome.status == .different {
                found += 1
                #expect(outcome.summary.contains("not committed, and kept") && outcome.summary.contains("/run-"))
                #expect(try lake.table.metadata.currentSnapshotID == snapshot && lake.content() == before, "seed \(random.seed)")
                // The files are kept, and nothing takes them for orphans.
                let kept = try lake.state.maintenanceIntents(table: nil).flatMap(\.files)
                #expect(!kept.isEmpty && kept.allSatisfy { (try? lake.memory.exists($0)) == true })
                for intent in try lake.state.maintenanceIntents(table: nil) { try lake.state.closeMaintenance(id: intent.id) }
            } else {
                // A bit of the footer that says nothing about the rows, such as the writer's name.
                harmless += 1
                #expect(try lake.content() == before, "seed \(random.seed) byte \(place)")
                _ = try lake.inner.commit(
                    [.setSnapshotReference(name: "main", SnapshotReference(snapshotID: snapshot!))], requirements: [], on: try lake.table)
            }
        }
        #expect(found > 10, "seed \(random.seed): \(found) found, \(harmless) harmless")
    }

    @Test func `an answer that is lost is looked up`() throws {
        let lake = try lake(9)
        let before = try lake.content()
        let commits = Mutex(0)
        // The commit is made, and its reply is lost; the table can be read back.
        lake.faults.failNext("commit", .after) { commits.withLock { $0 += 1 } }
        let outcome = try lake.compact(options)
        #expect(commits.withLock { $0 } == 1 && outcome.status == .done)
        #expect(try lake.content() == before && lake.dataFiles.count == 2 && lake.state.maintenanceIntents(table: nil).isEmpty)
    }
}
