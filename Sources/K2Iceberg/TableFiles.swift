import K2ObjectStore

/// Reads what a snapshot consists of: manifest list, manifests, data files.
public struct TableFiles {
    public let metadata: TableMetadata
    public let store: any ObjectStore

    public init(metadata: TableMetadata, store: any ObjectStore) {
        self.metadata = metadata
        self.store = store
    }

    private func get(_ location: String) throws(IcebergError) -> [UInt8] {
        do throws(StoreError) { return try store.get(location) } catch { throw IcebergError(error) }
    }

    /// The manifests of a snapshot; of the current one when `snapshotID` is nil.
    public func manifests(snapshotID: Int64? = nil) throws(IcebergError) -> [ManifestFile] {
        guard let id = snapshotID ?? metadata.currentSnapshotID else { return [] }
        guard let snapshot = metadata.snapshot(id: id) else { throw IcebergError(.notFound, "no snapshot \(id)") }
        if !snapshot.manifestList.isEmpty { return try ManifestList.read(try get(snapshot.manifestList), location: snapshot.manifestList) }
        var manifests: [ManifestFile] = []
        for path in snapshot.manifests { manifests.append(try ManifestFile(named: path, by: snapshot, try get(path))) }
        return manifests
    }

    /// The entries of a manifest, inherited values filled in.
    public func entries(_ manifest: ManifestFile) throws(IcebergError) -> [ManifestEntry] {
        guard let spec = metadata.spec(id: manifest.specID) else {
            throw IcebergError(.malformed, "\(manifest.path): no partition spec \(manifest.specID) in the table")
        }
        let read = try Manifest(reading: try get(manifest.path), location: manifest.path, spec: spec, types: types(of: spec))
        return read.entries.map { $0.inheriting(from: manifest) }
    }

    /// Result types of a spec's fields, from the newest schema that still has the source column.
    private func types(of spec: PartitionSpec) -> [PrimitiveType?] {
        let schemas = [metadata.currentSchema] + metadata.schemas.reversed()
        return spec.fields.map { field in
            for schema in schemas {
                if let type = schema.primitiveType(of: field.sourceID) { return field.transform.resultType(type) }
            }
            return nil
        }
    }

    /// The live entries of a snapshot's manifests of one kind; of the current snapshot when `snapshotID` is nil.
    public func liveEntries(_ content: ManifestContent, snapshotID: Int64? = nil) throws(IcebergError) -> [ManifestEntry] {
        var live: [ManifestEntry] = []
        for manifest in try manifests(snapshotID: snapshotID) where manifest.content == content && manifest.mayHoldLiveFiles {
            for entry in try entries(manifest) where entry.isLive { live.append(entry) }
        }
        return live
    }

    /// The live data files of a snapshot; of the current one when `snapshotID` is nil.
    ///
    /// - Parameter include: leaves out manifests for which it is false, such as by partition bounds.
    public func dataFiles(
        snapshotID: Int64? = nil, where include: (ManifestFile) -> Bool = { _ in true }
    ) throws(IcebergError) -> [DataFile] {
        var files: [DataFile] = []
        for manifest in try manifests(snapshotID: snapshotID) where manifest.content == .data && manifest.mayHoldLiveFiles && include(manifest) {
            for entry in try entries(manifest) where entry.isLive { files.append(entry.file) }
        }
        return files
    }

    /// False only when the partition summaries prove that `manifest` has no file whose field `position` equals `value`.
    public func mayContain(_ manifest: ManifestFile, partitionField position: Int, value: Datum?) -> Bool {
        guard let summaries = manifest.partitions, position < summaries.count, let spec = metadata.spec(id: manifest.specID),
            position < spec.fields.count
        else { return true }
        let summary = summaries[position]
        guard let value else { return summary.containsNull }
        guard let type = types(of: spec)[position] else { return true }
        guard let lower = summary.lowerBound.flatMap({ Datum(singleValue: $0, type: type) }),
            let upper = summary.upperBound.flatMap({ Datum(singleValue: $0, type: type) })
        else { return summary.lowerBound != nil || summary.containsNaN != false }
        return Datum.isLess(value, lower) != true && Datum.isLess(upper, value) != true
    }
}
