import K2Iceberg
import K2Lake
import K2ObjectStore
import K2StateStore
import K2TestSupport
import Testing

@testable import K2Maintenance

struct CompactionTests {
    private func options(_ random: inout Seeded) -> CompactOptions {
        var options = CompactOptions()
        options.targetSize = random.pick([2_000, 10_000, 100_000, 128 << 20])
        options.minInputFiles = random.int(2...5)
        options.maxMemory = random.pick([64 << 20, 512 << 20])
        options.maxCommits = random.pick([1, 3, 10])
        options.rewritesManifests = random.once(in: 3)
        switch random.int(0...5) {
        case 0: options.order = .fields([SortTerm("name", isDescending: true), SortTerm("id")])
        case 1: options.order = .zOrder(["price", "id"])
        default: break
        }
        return options
    }

    private func change(_ lake: CompactLake, _ random: inout Seeded) throws {
        switch random.int(0...9) {
        case 0: try lake.evolve(&random)
        case 1 where random.once(in: 2): try lake.changeSpec(&random)
        case 2, 3: try lake.deleteSome(&random)
        default:
            var files: [DataFile] = []
            for _ in 0..<random.int(1...4) { files.append(try lake.makeFile(random.int(1...40), part: random.pick([nil, 0, 1]), &random)) }
            try lake.append(files)
        }
    }

    /// The whole of it: whatever a table went through, compaction changes no row, in no snapshot, and has nothing to do right after.
    @Test func `rows are the same whatever happened to the table`() throws {
        var random = Seeded.start()
        for round in 0..<12 {
            let lake = try CompactLake.random(&random)
            for _ in 0..<random.int(2...8) { try change(lake, &random) }
            for _ in 0..<random.int(1...3) {
                let comment: Testing.Comment = "seed \(random.seed) round \(round)"
                let history = try lake.table.metadata.snapshots.map { ($0.snapshotID, try lake.content(snapshot: $0.snapshotID)) }
                let before = try lake.content()
                var options = options(&random)
                options.maxCommits = 10
                let outcome = try lake.compact(options)
                #expect(outcome.status == .done || outcome.status == .nothing, comment)
                #expect(try lake.content() == before, comment)
                for (id, rows) in history { #expect(try lake.content(snapshot: id) == rows, comment) }
                #expect(try lake.strays() == [] && lake.state.maintenanceIntents(table: nil).isEmpty, comment)
                let snapshot = try lake.table.metadata.currentSnapshotID
                let again = try lake.compact(options)
                #expect(again.status == .nothing, "\(comment): \(again.summary) after \(outcome.summary)")
                #expect(try lake.table.metadata.currentSnapshotID == snapshot, comment)
                for _ in 0..<random.int(1...3) { try change(lake, &random) }
            }
        }
    }

    @Test func `the commit tells how far the table is offloaded, as the newest snapshot did that told it`() throws {
        var random = Seeded.start()
        let lake = try CompactLake.random(&random)
        for (number, time) in ["2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z", nil].enumerated() {
            let files = try (0..<3).map { _ in try lake.makeFile(5, part: nil, &random) }
            try lake.append(files, summary: ["k2.batch-id": "\(number)"].merging(time.map { ["k2.watermark": $0] } ?? [:]) { $1 })
        }
        var options = CompactOptions()
        options.minInputFiles = 2
        #expect(try lake.compact(options).status == .done)
        let summary = try #require(lake.table.metadata.currentSnapshot).summary
        #expect(summary["k2.watermark"] == "2026-01-02T00:00:00.000000Z" && summary["k2.batch-id"] == nil && summary["k2.maintenance-id"] != nil)
    }

    /// Others append, delete, evolve and compact right before commits: every replacement still has the rows of the snapshot it follows on.
    @Test func `whatever others do meanwhile, no row is lost, doubled or brought back`() throws {
        var random = Seeded.start()
        for round in 0..<12 {
            let lake = try CompactLake.random(&random)
            for _ in 0..<random.int(2...6) { try change(lake, &random) }
            for _ in 0..<3 {
                let options = options(&random)
                lake.catalog.beforeCommit = {
                    for _ in 0..<random.int(1...2) { try change(lake, &random) }
                    // A load that does not wait for us either.
                    if random.once(in: 4), let file = try lake.dataFiles.randomElement(using: &random) {
                        let loop = CommitLoop(catalog: lake.inner, store: lake.memory, environment: lake.clock.environment)
                        _ = try loop.overwrite(removing: [file.path], adding: [], in: lake.identifier)
                    }
                }
                _ = try lake.compact(options)
                lake.catalog.beforeCommit = nil
                try lake.expectReplacementsEqual("seed \(random.seed) round \(round)")
                #expect(try lake.state.maintenanceIntents(table: nil).isEmpty && lake.strays() == [], "seed \(random.seed) round \(round)")
            }
        }
    }
}
