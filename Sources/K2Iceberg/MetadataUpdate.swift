import K2JSON

/// A change of table metadata, in the terms of the REST catalog protocol (`TableUpdate`).
public enum MetadataUpdate: Equatable, Sendable {
    case addSchema(Schema)
    case setCurrentSchema(id: Int)
    case addPartitionSpec(PartitionSpec)
    case setDefaultSpec(id: Int)
    case addSortOrder(SortOrder)
    case setDefaultSortOrder(id: Int)
    case addSnapshot(Snapshot)
    case setSnapshotReference(name: String, SnapshotReference)
    case removeSnapshots([Int64])
    case removeSnapshotReference(name: String)
    case setProperties([String: String])
    case removeProperties([String])

    /// Whether it takes history away and adds nothing: what every format version allows.
    var onlyRemoves: Bool {
        switch self {
        case .removeSnapshots, .removeSnapshotReference: true
        default: false
        }
    }
}

/// What must hold in the table for a commit to be allowed, in the terms of the REST catalog protocol (`TableRequirement`).
public enum Requirement: Equatable, Sendable {
    case tableUUID(String)
    /// The reference points at this snapshot; nil: it does not exist.
    case reference(name: String, snapshotID: Int64?)
    case currentSchema(id: Int)
    case defaultSpec(id: Int)

    /// - Throws: `conflict` (retryable after a reload) when it does not hold.
    public func check(_ metadata: TableMetadata) throws(IcebergError) {
        switch self {
        case .tableUUID(let uuid):
            guard metadata.tableUUID == uuid else {
                throw IcebergError(.validation, "commit refused: table uuid: expected \(uuid), found \(metadata.tableUUID)")
            }
        case .reference(let name, let id):
            guard metadata.references[name]?.snapshotID == id else {
                let found = metadata.references[name].map { String($0.snapshotID) } ?? "none"
                let expected = id.map { String($0) } ?? "none"
                throw IcebergError(.conflict, "commit refused: \(name): expected snapshot \(expected), found \(found)", isRetryable: true)
            }
        case .currentSchema(let id):
            guard metadata.currentSchemaID == id else {
                throw IcebergError(.conflict, "commit refused: schema: expected \(id), found \(metadata.currentSchemaID)", isRetryable: true)
            }
        case .defaultSpec(let id):
            guard metadata.defaultSpecID == id else {
                throw IcebergError(.conflict, "commit refused: partition spec: expected \(id), found \(metadata.defaultSpecID)", isRetryable: true)
            }
        }
    }
}

extension TableMetadata {
    /// The metadata after `updates`, in their order.
    public func applying(_ updates: [MetadataUpdate], nowMS: Int64) throws(IcebergError) -> TableMetadata {
        guard formatVersion == 2 || !updates.isEmpty && updates.allSatisfy(\.onlyRemoves) else {
            throw IcebergError(.unsupported, "table format version \(formatVersion): only version 2 is written")
        }
        var result = self
        for update in updates { try result.apply(update) }
        // Logs are kept in order even where this machine's clock is behind the last writer's.
        result.lastUpdatedMS = max(nowMS, lastUpdatedMS, result.snapshots.last?.timestampMS ?? 0)
        try result.validate()
        return result
    }

    private mutating func apply(_ update: MetadataUpdate) throws(IcebergError) {
        switch update {
        case .addSchema(let schema):
            guard self.schema(id: schema.schemaID) == nil else { throw IcebergError(.invalid, "schema \(schema.schemaID): is there already") }
            schemas.append(schema)
            lastColumnID = max(lastColumnID, schema.highestFieldID)
        case .setCurrentSchema(let id): currentSchemaID = id
        case .addPartitionSpec(let spec):
            guard self.spec(id: spec.specID) == nil else { throw IcebergError(.invalid, "partition spec \(spec.specID): is there already") }
            try spec.validate(for: currentSchema)
            partitionSpecs.append(spec)
            lastPartitionID = max(lastPartitionID, spec.highestFieldID)
        case .setDefaultSpec(let id): defaultSpecID = id
        case .addSortOrder(let order):
            guard !sortOrders.contains(where: { $0.orderID == order.orderID }) else {
                throw IcebergError(.invalid, "sort order \(order.orderID): is there already")
            }
            try order.validate(for: currentSchema)
            sortOrders.append(order)
        case .setDefaultSortOrder(let id): defaultSortOrderID = id
        case .addSnapshot(let snapshot): try add(snapshot)
        case .setSnapshotReference(let name, let reference): try set(reference, name: name)
        case .removeSnapshots(let ids): try removeSnapshots(Set(ids))
        case .removeSnapshotReference(let name):
            references[name] = nil
            if name == SnapshotReference.main { currentSnapshotID = nil }
        case .setProperties(let values): properties.merge(values) { $1 }
        case .removeProperties(let keys): for key in keys { properties[key] = nil }
        }
    }

    private mutating func add(_ snapshot: Snapshot) throws(IcebergError) {
        guard self.snapshot(id: snapshot.snapshotID) == nil else {
            throw IcebergError(.invalid, "snapshot \(snapshot.snapshotID): is there already")
        }
        guard snapshot.sequenceNumber > lastSequenceNumber else {
            throw IcebergError(
                .conflict, "snapshot \(snapshot.snapshotID): sequence number \(snapshot.sequenceNumber) is not after \(lastSequenceNumber)",
                isRetryable: true)
        }
        snapshots.append(snapshot)
        lastSequenceNumber = snapshot.sequenceNumber
    }

    private mutating func set(_ reference: SnapshotReference, name: String) throws(IcebergError) {
        guard let snapshot = snapshot(id: reference.snapshotID) else {
            throw IcebergError(.invalid, "\(name): no snapshot \(reference.snapshotID)")
        }
        references[name] = reference
        guard name == SnapshotReference.main, currentSnapshotID != reference.snapshotID else { return }
        currentSnapshotID = reference.snapshotID
        let time = max(snapshot.timestampMS, snapshotLog.last?.timestampMS ?? 0)
        snapshotLog.append(SnapshotLogEntry(timestampMS: time, snapshotID: reference.snapshotID))
    }

    private mutating func removeSnapshots(_ ids: Set<Int64>) throws(IcebergError) {
        for (name, reference) in references where ids.contains(reference.snapshotID) {
            throw IcebergError(.invalid, "snapshot \(reference.snapshotID): \(name) still points at it")
        }
        snapshots.removeAll { ids.contains($0.snapshotID) }
        // The history before a removed snapshot can no longer be told: the log keeps what follows the last gap.
        if let gap = snapshotLog.lastIndex(where: { ids.contains($0.snapshotID) }) { snapshotLog.removeSubrange(...gap) }
        let removed: (JSONValue) -> Bool = { $0["snapshot-id"]?.int64Value.map { ids.contains($0) } ?? false }
        statistics.removeAll(where: removed)
        partitionStatistics.removeAll(where: removed)
    }

    /// Notes `metadataFile`, which this metadata follows on, and cuts the log to
    /// `write.metadata.previous-versions-max` (100). Returns the files that fell out of it.
    public mutating func logPrevious(metadataFile: String, timestampMS: Int64) -> [String] {
        metadataLog.append(MetadataLogEntry(timestampMS: timestampMS, metadataFile: metadataFile))
        let limit = max(integerProperty("write.metadata.previous-versions-max", default: 100), 1)
        let excess = max(metadataLog.count - limit, 0)
        let dropped = metadataLog.prefix(excess).map(\.metadataFile)
        metadataLog.removeFirst(excess)
        return dropped
    }
}
