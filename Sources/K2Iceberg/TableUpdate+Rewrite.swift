import K2ObjectStore

/// Data files that take the place of others with the same rows.
public struct FileReplacement: Sendable {
    /// Paths of live data files.
    public var removing: Set<ExactPath>
    public var adding: [DataFile]
    /// The data sequence number of the new files: that of the snapshot that was read. Equality deletes which came after it then apply to the
    /// new files as they did to the old ones.
    public var dataSequenceNumber: Int64
    /// Paths of live delete files that apply to nothing any more.
    public var droppingDeletes: Set<ExactPath>

    public init(removing: [String], adding: [DataFile], dataSequenceNumber: Int64, droppingDeletes: [String] = []) {
        self.removing = Set(removing.map { ExactPath($0) })
        self.adding = adding
        self.dataSequenceNumber = dataSequenceNumber
        self.droppingDeletes = Set(droppingDeletes.map { ExactPath($0) })
    }
}

extension TableUpdate {
    /// Puts data files in the place of others that hold the same rows: a snapshot of operation `replace`.
    ///
    /// - Throws: `validation` when a path is not live any more. That no new deletes apply to the removed files is for the caller to check.
    public consuming func rewrite(
        _ replacement: FileReplacement, summary: [String: String] = [:], readManifest: ManifestReader
    ) throws(IcebergError) -> SnapshotChange {
        guard replacement.dataSequenceNumber <= metadata.lastSequenceNumber else {
            throw IcebergError(.invalid, "data sequence number \(replacement.dataSequenceNumber): expected at most \(metadata.lastSequenceNumber)")
        }
        var counts = SummaryCounts()
        try check(replacement.adding)
        for file in replacement.adding { counts.add(file) }
        var kept = try remove(replacement.removing, .data, from: manifests, counts: &counts, readManifest)
        kept = try remove(replacement.droppingDeletes, .deletes, from: kept, counts: &counts, readManifest)
        let all = try addEntries(of: replacement.adding, sequenceNumber: replacement.dataSequenceNumber, to: kept, readManifest)
        return try finish(all, counts, .replace, summary)
    }

    /// Lays the entries of small manifests together, by partition; the files of the table stay as they are.
    ///
    /// - Returns: nil when that would not make fewer manifests.
    public consuming func rewriteManifests(
        summary: [String: String] = [:], readManifest: ManifestReader
    ) throws(IcebergError) -> SnapshotChange? {
        var kept = manifests
        var made: [ManifestFile] = []
        var replaced = 0
        for group in mergeGroups() {
            var entries: [ManifestEntry] = []
            for manifest in group { for entry in try readManifest(manifest) where entry.isLive { entries.append(entry.asExisting) } }
            entries.sort { Self.precedes($0.file, $1.file) }
            let files = try write(entries, specID: group[0].specID, group[0].content)
            guard files.count < group.count else {
                discard(files)
                continue
            }
            let paths = Set(group.map(\.path))
            kept.removeAll { paths.contains($0.path) }
            made += files
            replaced += group.count
        }
        if replaced == 0 { return nil }
        let counts = ["manifests-created": made.count, "manifests-replaced": replaced, "manifests-kept": kept.count]
        return try finish(made + kept, SummaryCounts(), .replace, summary.merging(counts.mapValues { String($0) }) { $1 })
    }

    /// Manifests of one spec and content that are smaller than they should be, where there are several.
    private func mergeGroups() -> [[ManifestFile]] {
        struct Kind: Hashable {
            var specID: Int
            var content: Int
        }
        var groups: [Kind: [ManifestFile]] = [:]
        for manifest in manifests where manifest.length < targetManifestSize * 3 / 4 {
            guard let spec = metadata.spec(id: manifest.specID), !spec.resultTypes(metadata.currentSchema).contains(where: { $0 == nil }) else { continue }
            groups[Kind(specID: manifest.specID, content: manifest.content.rawValue), default: []].append(manifest)
        }
        return groups.filter { $0.value.count > 1 }.sorted { ($0.key.specID, $0.key.content) < ($1.key.specID, $1.key.content) }.map(\.value)
    }

    private static func precedes(_ a: DataFile, _ b: DataFile) -> Bool {
        for (x, y) in zip(a.partition, b.partition) where x != y {
            guard let x, let y else { return x == nil }
            if let isBefore = Datum.isBefore(x, y) { return isBefore }
        }
        return a.path < b.path
    }
}
