import K2Iceberg

/// How long history is kept where neither a branch nor a tag says it itself.
public struct RetentionRules: Equatable, Sendable {
    /// Snapshots younger than this stay, ms.
    public var maxSnapshotAgeMS: Int64
    /// So many snapshots of each branch stay, however old; at least 1.
    public var minSnapshotsToKeep: Int
    /// Branches and tags whose snapshot is older go, ms; never `main`.
    public var maxReferenceAgeMS: Int64

    /// - Parameters:
    ///   - olderThanMS: as asked for; nil: the table's `history.expire.max-snapshot-age-ms`, else 7 days.
    ///   - retainLast: as asked for; nil: the table's `history.expire.min-snapshots-to-keep`, else 3.
    public init(_ properties: [String: String], olderThanMS: Int64? = nil, retainLast: Int? = nil) {
        func property(_ name: String) -> Int64? { properties["history.expire.\(name)"].flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil } }
        maxSnapshotAgeMS = olderThanMS ?? property("max-snapshot-age-ms") ?? 7 * 86_400_000
        minSnapshotsToKeep = max(retainLast ?? property("min-snapshots-to-keep").map { Int(clamping: $0) } ?? 3, 1)
        maxReferenceAgeMS = property("max-ref-age-ms") ?? .max
    }
}

/// What becomes of a table's snapshots, branches and tags: https://iceberg.apache.org/spec/#snapshot-retention-policy
public struct Retention: Equatable, Sendable {
    /// In the order of the table.
    public private(set) var removed: [Snapshot] = []
    /// Branches and tags, sorted.
    public private(set) var removedReferences: [String] = []
    /// Snapshots that the rules would have removed and a need kept, and why.
    public private(set) var spared: [(snapshot: Snapshot, reason: String)] = []

    public var isEmpty: Bool { removed.isEmpty && removedReferences.isEmpty }

    /// - Parameter needed: snapshots that must stay whatever the rules say.
    public init(_ metadata: TableMetadata, _ rules: RetentionRules, nowMS: Int64, needed: [Int64: String]) {
        let byID = Dictionary(metadata.snapshots.map { ($0.snapshotID, $0) }) { first, _ in first }
        var kept: Set<Int64> = []
        var ofReferences: Set<Int64> = []
        for (name, reference) in metadata.references.sorted(by: { $0.key < $1.key }) {
            guard Self.isKept(name, reference, byID, rules, nowMS) else {
                removedReferences.append(name)
                continue
            }
            kept.insert(reference.snapshotID)
            let ancestors = Self.ancestors(of: reference.snapshotID, byID)
            if reference.kind == .branch {
                kept.formUnion(Self.recent(ancestors, reference, rules, nowMS))
                ofReferences.formUnion(ancestors.map(\.snapshotID))
            } else {
                ofReferences.insert(reference.snapshotID)
            }
        }
        if let current = metadata.currentSnapshotID { kept.insert(current) }
        for snapshot in metadata.snapshots where !kept.contains(snapshot.snapshotID) {
            // What belongs to no branch, such as a snapshot that waits to be published, is judged by its age alone.
            let isYoung = !ofReferences.contains(snapshot.snapshotID) && Self.isWithin(rules.maxSnapshotAgeMS, snapshot, nowMS)
            if isYoung { continue }
            if let reason = needed[snapshot.snapshotID] { spared.append((snapshot, reason)) } else { removed.append(snapshot) }
        }
    }

    private static func isKept(
        _ name: String, _ reference: SnapshotReference, _ byID: [Int64: Snapshot], _ rules: RetentionRules, _ nowMS: Int64
    ) -> Bool {
        if name == SnapshotReference.main { return true }
        guard let snapshot = byID[reference.snapshotID] else { return false }
        return isWithin(reference.maxReferenceAgeMS ?? rules.maxReferenceAgeMS, snapshot, nowMS)
    }

    private static func isWithin(_ age: Int64, _ snapshot: Snapshot, _ nowMS: Int64) -> Bool {
        nowMS.subtractingReportingOverflow(snapshot.timestampMS).partialValue <= age
    }

    /// A snapshot and those before it, newest first, as far back as they are there.
    private static func ancestors(of id: Int64, _ byID: [Int64: Snapshot]) -> [Snapshot] {
        var result: [Snapshot] = []
        var seen: Set<Int64> = []
        var next: Int64? = id
        while let id = next, seen.insert(id).inserted, let snapshot = byID[id] {
            result.append(snapshot)
            next = snapshot.parentSnapshotID
        }
        return result
    }

    /// Those of a branch that are young enough or among its last, up to the first that is neither.
    private static func recent(_ ancestors: [Snapshot], _ reference: SnapshotReference, _ rules: RetentionRules, _ nowMS: Int64) -> [Int64] {
        let age = reference.maxSnapshotAgeMS ?? rules.maxSnapshotAgeMS
        let count = max(reference.minSnapshotsToKeep ?? rules.minSnapshotsToKeep, 1)
        return ancestors.enumerated().prefix { $0.offset < count || isWithin(age, $0.element, nowMS) }.map(\.element.snapshotID)
    }

    public static func == (a: Retention, b: Retention) -> Bool {
        a.removed == b.removed && a.removedReferences == b.removedReferences && a.spared.map(\.snapshot) == b.spared.map(\.snapshot)
    }
}
