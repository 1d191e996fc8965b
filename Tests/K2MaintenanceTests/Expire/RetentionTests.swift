import K2Iceberg
import Testing

@testable import K2Maintenance

/// Times are in hours; now is hour 100.
struct RetentionTests {
    private static let hour: Int64 = 3_600_000

    private func snapshot(_ id: Int64, _ hour: Int64, after parent: Int64? = nil) -> Snapshot {
        Snapshot(
            snapshotID: id, parentSnapshotID: parent, sequenceNumber: id, timestampMS: hour * Self.hour, manifestList: "list-\(id)", summary: [:], schemaID: 0)
    }

    /// A main line of snapshots 1, 2 … at the given hours, and others.
    private func table(_ hours: [Int64], _ others: [Snapshot] = [], _ references: [String: SnapshotReference] = [:]) throws -> TableMetadata {
        var metadata = try TableMetadata.create(
            tableUUID: "u", location: "file:///t", schema: try Schema(fields: [NestedField(1, "id", .long, required: true)]), nowMS: 0)
        metadata.snapshots = hours.enumerated().map { snapshot(Int64($0.offset + 1), $0.element, after: $0.offset == 0 ? nil : Int64($0.offset)) } + others
        metadata.currentSnapshotID = Int64(hours.count)
        metadata.references = [SnapshotReference.main: SnapshotReference(snapshotID: Int64(hours.count))].merging(references) { $1 }
        return metadata
    }

    private func rules(age: Int64, last: Int, references: Int64 = 1_000) -> RetentionRules {
        var rules = RetentionRules([:], olderThanMS: age * Self.hour, retainLast: last)
        rules.maxReferenceAgeMS = references * Self.hour
        return rules
    }

    private func retention(_ table: TableMetadata, _ rules: RetentionRules, needed: [Int64: String] = [:]) -> Retention {
        Retention(table, rules, nowMS: 100 * Self.hour, needed: needed)
    }

    private func removed(_ table: TableMetadata, _ rules: RetentionRules) -> [Int64] { retention(table, rules).removed.map(\.snapshotID) }

    @Test func `young ones and the last ones stay`() throws {
        let table = try table([10, 20, 30, 98, 99])
        #expect(removed(table, rules(age: 5, last: 1)) == [1, 2, 3])
        #expect(removed(table, rules(age: 0, last: 1)) == [1, 2, 3, 4])
        #expect(removed(table, rules(age: 0, last: 3)) == [1, 2])
        #expect(removed(table, rules(age: 80, last: 1)) == [1], "as old as allowed is not too old")
        #expect(removed(table, rules(age: 0, last: 99)).isEmpty && removed(table, rules(age: 90, last: 1)).isEmpty)
    }

    @Test func `the head of main stays however old it is`() throws {
        #expect(removed(try table([1]), rules(age: 0, last: 1)).isEmpty)
        #expect(removed(try table([1, 2]), rules(age: 0, last: 1)) == [1])
    }

    @Test func `a line is cut where the first one goes, also when clocks were set back`() throws {
        #expect(removed(try table([99, 10, 98]), rules(age: 5, last: 1)) == [1, 2])
    }

    @Test func `a branch's own words count for it alone`() throws {
        let branch = [snapshot(11, 40, after: 2), snapshot(12, 41, after: 11), snapshot(13, 42, after: 12)]
        func with(_ change: (inout SnapshotReference) -> Void) throws -> TableMetadata {
            var reference = SnapshotReference(snapshotID: 13)
            change(&reference)
            return try table([10, 20, 30], branch, ["b": reference])
        }
        #expect(removed(try with { _ in }, rules(age: 0, last: 1)) == [1, 2, 11, 12])
        #expect(removed(try with { $0.minSnapshotsToKeep = 2 }, rules(age: 0, last: 1)) == [1, 2, 11])
        #expect(removed(try with { $0.maxSnapshotAgeMS = 60 * Self.hour }, rules(age: 0, last: 1)) == [1, 2])
        #expect(removed(try with { $0.maxSnapshotAgeMS = 90 * Self.hour }, rules(age: 0, last: 1)).isEmpty, "back to where it began, and on from there")
        #expect(removed(try with { $0.minSnapshotsToKeep = 1 }, rules(age: 0, last: 3)) == [11, 12], "main keeps three")
    }

    @Test func `branches and tags grow old, main does not`() throws {
        var old = SnapshotReference(snapshotID: 2, kind: .tag)
        #expect(retention(try table([10, 20, 30], [], ["tag": old]), rules(age: 0, last: 1, references: 79)).removedReferences == ["tag"])
        #expect(removed(try table([10, 20, 30], [], ["tag": old]), rules(age: 0, last: 1, references: 79)) == [1, 2])
        #expect(removed(try table([10, 20, 30], [], ["tag": old]), rules(age: 0, last: 1, references: 80)) == [1])
        old.maxReferenceAgeMS = 10 * Self.hour
        #expect(retention(try table([10, 20, 30], [], ["tag": old]), rules(age: 0, last: 1)).removedReferences == ["tag"])
        let main = SnapshotReference(snapshotID: 3, maxReferenceAgeMS: 0)
        #expect(retention(try table([10, 20, 30], [], ["main": main]), rules(age: 0, last: 1)).removedReferences.isEmpty)
    }

    @Test func `what no branch leads to is judged by its age`() throws {
        let others = [snapshot(21, 50, after: 2), snapshot(22, 99, after: 2)]
        #expect(removed(try table([10, 20, 30], others), rules(age: 5, last: 3)) == [21])
        // An ancestor of a branch is not: it is too far back in its own line.
        #expect(removed(try table([99, 10, 98], others), rules(age: 5, last: 1)) == [1, 2, 21])
    }

    @Test func `what is needed stays, and it is told why`() throws {
        let found = retention(try table([10, 20, 30]), rules(age: 0, last: 1), needed: [1: "so", 3: "main stays anyway"])
        #expect(found.removed.map(\.snapshotID) == [2] && found.spared.map(\.snapshot.snapshotID) == [1] && found.spared.map(\.reason) == ["so"])
        #expect(try !found.isEmpty && retention(table([10, 20]), rules(age: 0, last: 1), needed: [1: ""]).isEmpty)
    }

    @Test func `flags come before the table's properties, and these before 7 days and 3`() {
        let plain = RetentionRules([:])
        #expect(plain.maxSnapshotAgeMS == 604_800_000 && plain.minSnapshotsToKeep == 3 && plain.maxReferenceAgeMS == .max)
        let said = [
            "history.expire.max-snapshot-age-ms": "5", "history.expire.min-snapshots-to-keep": "9", "history.expire.max-ref-age-ms": "7",
        ]
        let rules = RetentionRules(said)
        #expect(rules.maxSnapshotAgeMS == 5 && rules.minSnapshotsToKeep == 9 && rules.maxReferenceAgeMS == 7)
        let asked = RetentionRules(said, olderThanMS: 1, retainLast: 2)
        #expect(asked.maxSnapshotAgeMS == 1 && asked.minSnapshotsToKeep == 2 && asked.maxReferenceAgeMS == 7)
        let wrong = RetentionRules(["history.expire.max-snapshot-age-ms": "-1", "history.expire.min-snapshots-to-keep": "0"])
        #expect(wrong.maxSnapshotAgeMS == 604_800_000 && wrong.minSnapshotsToKeep == 1)
    }
}
