import K2Avro
import K2ObjectStore

/// Plans the next snapshot of a table. Pure: what it needs to read it asks `readManifest` for, and
/// what must be written it returns.
public struct TableUpdate {
    /// Answers with the entries of a manifest, inherited values filled in.
    public typealias ManifestReader = (ManifestFile) throws(IcebergError) -> [ManifestEntry]

    public let metadata: TableMetadata
    /// The manifests of the current snapshot.
    public let manifests: [ManifestFile]
    public let identity: CommitIdentity

    private var objects: [SnapshotChange.PendingObject] = []
    private var manifestCount = 0

    /// - Parameter manifests: the manifest list of the current snapshot; empty when there is none.
    public init(metadata: TableMetadata, manifests: [ManifestFile], identity: CommitIdentity) throws(IcebergError) {
        guard metadata.formatVersion == 2 else {
            throw IcebergError(.unsupported, "table format version \(metadata.formatVersion): only version 2 is written")
        }
        self.metadata = metadata
        self.manifests = manifests
        self.identity = identity
    }

    private var sequenceNumber: Int64 { metadata.lastSequenceNumber + 1 }

    private var codec: AvroCodec {
        metadata.properties["write.avro.compression-codec"] == "uncompressed" ? .null : .deflate
    }

    var targetManifestSize: Int { max(metadata.integerProperty("commit.manifest.target-size-bytes", default: 8 << 20), 1 << 12) }

    /// Adds `files` to the table.
    ///
    /// Older manifests are kept as they are until a spec has `commit.manifest.min-count-to-merge`
    /// (100) of them; then the small ones are merged up to `commit.manifest.target-size-bytes` (8 MB)
    /// each, unless `commit.manifest-merge.enabled` is false.
    public consuming func append(
        _ files: [DataFile], summary: [String: String] = [:], readManifest: ManifestReader
    ) throws(IcebergError) -> SnapshotChange {
        try overwrite(removing: [], adding: files, summary: summary, readManifest: readManifest)
    }

    /// Removes the data files at `paths` and adds `files`, in one snapshot.
    ///
    /// - Throws: `validation` when a path is not a live data file: somebody else removed it, and what
    ///   was derived from it must be made again.
    public consuming func overwrite(
        removing paths: Set<String>, adding files: [DataFile], summary: [String: String] = [:], readManifest: ManifestReader
    ) throws(IcebergError) -> SnapshotChange {
        var counts = SummaryCounts()
        try check(files)
        for file in files { counts.add(file) }
        let kept = try remove(Set(paths.map { ExactPath($0) }), .data, from: manifests, counts: &counts, readManifest)
        let all = try addEntries(of: files, to: kept, readManifest)
        return try finish(all, counts, counts.operation, summary)
    }

    func check(_ files: [DataFile]) throws(IcebergError) {
        var paths: Set<String> = []
        for file in files {
            guard file.content == .data else { throw IcebergError(.unsupported, "\(file.path): delete files are not written") }
            guard paths.insert(file.path).inserted else { throw IcebergError(.invalid, "\(file.path): added twice") }
            guard metadata.spec(id: file.specID) != nil else { throw IcebergError(.invalid, "\(file.path): no partition spec \(file.specID)") }
        }
    }

    // MARK: Removing

    /// Rewrites those of `manifests` that hold `paths`; the others stay. Returns the manifests without them.
    mutating func remove(
        _ paths: Set<ExactPath>, _ content: ManifestContent, from manifests: [ManifestFile], counts: inout SummaryCounts, _ readManifest: ManifestReader
    ) throws(IcebergError) -> [ManifestFile] {
        var missing = paths
        var result: [ManifestFile] = []
        for manifest in manifests {
            if missing.isEmpty || manifest.content != content || !manifest.mayHoldLiveFiles {
                result.append(manifest)
                continue
            }
            let live = try readManifest(manifest).filter(\.isLive)
            if !live.contains(where: { missing.contains(ExactPath($0.file.path)) }) {
                result.append(manifest)
                continue
            }
            var entries: [ManifestEntry] = []
            for entry in live {
                if missing.remove(ExactPath(entry.file.path)) != nil {
                    counts.remove(entry.file)
                    entries.append(entry.asDeleted(in: identity.snapshotID))
                } else {
                    entries.append(entry.asExisting)
                }
            }
            result += try write(entries, specID: manifest.specID, content)
        }
        if let path = missing.map(\.text).min() {
            throw IcebergError(.validation, "\(path): not a live \(content == .data ? "data" : "delete") file of the table" + (missing.count > 1 ? " (and \(missing.count - 1) more)" : ""))
        }
        // A manifest that only tells of files deleted earlier has nothing to say any more.
        return result.filter { $0.mayHoldLiveFiles || $0.addedSnapshotID == identity.snapshotID }
    }

    // MARK: Adding

    /// - Parameter sequenceNumber: the data sequence number of the files; that of the snapshot when nil.
    mutating func addEntries(
        of files: [DataFile], sequenceNumber: Int64? = nil, to kept: [ManifestFile], _ readManifest: ManifestReader
    ) throws(IcebergError) -> [ManifestFile] {
        var added: [ManifestFile] = []
        var rest = kept
        var bySpec: [Int: [ManifestEntry]] = [:]
        for file in files {
            bySpec[file.specID, default: []].append(
                ManifestEntry(status: .added, snapshotID: identity.snapshotID, sequenceNumber: sequenceNumber, fileSequenceNumber: nil, file: file))
        }
        for specID in bySpec.keys.sorted() {
            let entries = bySpec[specID] ?? []
            let candidates = mergeCandidates(rest, specID: specID)
            if candidates.isEmpty {
                added += try write(entries, specID: specID)
            } else {
                let paths = Set(candidates.map(\.path))
                rest.removeAll { paths.contains($0.path) }
                added += try merge(entries, candidates, specID: specID, readManifest)
            }
        }
        return added + rest
    }

    /// The small manifests of a spec, once there are enough of them to be worth merging.
    private func mergeCandidates(_ manifests: [ManifestFile], specID: Int) -> [ManifestFile] {
        guard metadata.properties["commit.manifest-merge.enabled"] != "false", let spec = metadata.spec(id: specID),
            !spec.resultTypes(metadata.currentSchema).contains(where: { $0 == nil })
        else { return [] }
        let minimum = max(metadata.integerProperty("commit.manifest.min-count-to-merge", default: 100), 2)
        let same = manifests.filter { $0.content == .data && $0.specID == specID && $0.addedSnapshotID != identity.snapshotID }
        guard same.count + 1 >= minimum else { return [] }
        return same.filter { $0.length < targetManifestSize / 2 }
    }

    private mutating func merge(
        _ added: [ManifestEntry], _ candidates: [ManifestFile], specID: Int, _ readManifest: ManifestReader
    ) throws(IcebergError) -> [ManifestFile] {
        var entries = added
        for manifest in candidates {
            for entry in try readManifest(manifest) where entry.isLive { entries.append(entry.asExisting) }
        }
        return try write(entries, specID: specID)
    }

    /// Writes `entries` into manifests of about the target size.
    mutating func write(_ entries: [ManifestEntry], specID: Int, _ content: ManifestContent = .data) throws(IcebergError) -> [ManifestFile] {
        guard let spec = metadata.spec(id: specID) else { throw IcebergError(.malformed, "no partition spec \(specID)") }
        var result: [ManifestFile] = []
        var next = 0
        while next < entries.count {
            let location = "\(metadata.metadataFolder)/\(identity.uuid)-\(identity.attempt)-m\(manifestCount).avro"
            var writer = try ManifestWriter(
                location: location, schema: metadata.currentSchema, spec: spec, content: content, snapshotID: identity.snapshotID,
                sequenceNumber: sequenceNumber, codec: codec, syncMarker: identity.syncMarker(manifestCount))
            manifestCount += 1
            while next < entries.count, writer.isEmpty || writer.estimatedLength < targetManifestSize {
                try writer.append(entries[next])
                next += 1
            }
            let (bytes, manifest) = try writer.finish()
            objects.append(SnapshotChange.PendingObject(location: location, bytes: bytes))
            result.append(manifest)
        }
        return result
    }

    /// Takes back manifests that were to be written.
    mutating func discard(_ manifests: [ManifestFile]) {
        let paths = Set(manifests.map(\.path))
        objects.removeAll { paths.contains($0.location) }
    }

    // MARK: The snapshot

    consuming func finish(
        _ manifests: [ManifestFile], _ counts: SummaryCounts, _ operation: Snapshot.Operation, _ extra: [String: String]
    ) throws(IcebergError) -> SnapshotChange {
        let parent = metadata.currentSnapshot
        let location = "\(metadata.metadataFolder)/snap-\(identity.snapshotID)-\(identity.attempt)-\(identity.uuid).avro"
        let list = try ManifestList.write(
            manifests, snapshot: identity.snapshotID, parent: parent?.snapshotID, sequenceNumber: sequenceNumber, location: location, codec: codec,
            syncMarker: identity.syncMarker(manifestCount))
        let snapshot = Snapshot(
            snapshotID: identity.snapshotID, parentSnapshotID: parent?.snapshotID, sequenceNumber: sequenceNumber,
            timestampMS: max(identity.timestampMS, metadata.lastUpdatedMS), manifestList: location,
            summary: counts.summary(operation: operation, extra: extra, parent: parent?.summary), schemaID: metadata.currentSchemaID)
        var reference = metadata.references[SnapshotReference.main] ?? SnapshotReference(snapshotID: snapshot.snapshotID)
        reference.snapshotID = snapshot.snapshotID
        return SnapshotChange(
            objects: objects + [SnapshotChange.PendingObject(location: location, bytes: list)],
            updates: [.addSnapshot(snapshot), .setSnapshotReference(name: SnapshotReference.main, reference)],
            requirements: [
                .tableUUID(metadata.tableUUID), .reference(name: SnapshotReference.main, snapshotID: parent?.snapshotID),
                .currentSchema(id: metadata.currentSchemaID),
            ],
            snapshot: snapshot)
    }
}
