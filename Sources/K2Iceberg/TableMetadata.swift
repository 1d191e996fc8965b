import K2JSON

/// Table metadata of format version 2 as a value: https://iceberg.apache.org/spec/#table-metadata
///
/// Of format version 1 the metadata can be read, and snapshots and references removed from it; only version 2 is written to otherwise.
/// Invariants hold after `init(json:)`,
/// `create` and `applying`: every current or default id names something that is there.
public struct TableMetadata: Equatable, Sendable {
    public struct SnapshotLogEntry: Equatable, Sendable {
        public var timestampMS: Int64
        public var snapshotID: Int64
    }

    public struct MetadataLogEntry: Equatable, Sendable {
        public var timestampMS: Int64
        public var metadataFile: String
    }

    public var formatVersion: Int
    public var tableUUID: String
    public var location: String
    public var lastSequenceNumber: Int64
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var lastUpdatedMS: Int64
    public var lastColumnID: Int
    public var schemas: [Schema]
    public var currentSchemaID: Int
    public var partitionSpecs: [PartitionSpec]
    public var defaultSpecID: Int
    public var lastPartitionID: Int
    public var sortOrders: [SortOrder]
    public var defaultSortOrderID: Int
    public var properties: [String: String]
    public var currentSnapshotID: Int64?
    public var snapshots: [Snapshot]
    public var snapshotLog: [SnapshotLogEntry]
    public var metadataLog: [MetadataLogEntry]
    public var references: [String: SnapshotReference]
    /// Statistics files, kept as they were.
    public var statistics: [JSONValue]
    public var partitionStatistics: [JSONValue]
    /// Members that are not known here, kept.
    public var extra: JSONObject

    public var currentSchema: Schema { schema(id: currentSchemaID) ?? schemas[0] }
    public var defaultSpec: PartitionSpec { spec(id: defaultSpecID) ?? partitionSpecs[0] }
    public var currentSnapshot: Snapshot? { currentSnapshotID.flatMap { snapshot(id: $0) } }

    public func schema(id: Int) -> Schema? { schemas.first { $0.schemaID == id } }
    public func spec(id: Int) -> PartitionSpec? { partitionSpecs.first { $0.specID == id } }
    public func snapshot(id: Int64) -> Snapshot? { snapshots.first { $0.snapshotID == id } }

    /// Snapshots whose summary has `value` under `key`, oldest first: how a batch finds its own commit.
    public func snapshots(withSummary key: String, value: String) -> [Snapshot] { snapshots.filter { $0.summary[key] == value } }

    /// The snapshot that was current at `timestampMS`; nil before the first.
    public func snapshot(asOf timestampMS: Int64) -> Snapshot? {
        snapshotLog.last { $0.timestampMS <= timestampMS }.flatMap { snapshot(id: $0.snapshotID) }
    }

    /// Where manifests and metadata files go: `write.metadata.path`, or the folder below the location.
    public var metadataFolder: String { Self.folder(properties["write.metadata.path"], below: location, "metadata") }
    /// Where data files go: `write.data.path`, or the folder below the location.
    public var dataFolder: String { Self.folder(properties["write.data.path"], below: location, "data") }

    /// - Parameter property: the place, where the table says it.
    static func folder(_ property: String?, below location: String, _ name: String) -> String { trimmed(property ?? "\(trimmed(location))/\(name)") }

    private static func trimmed(_ location: String) -> String { location.hasSuffix("/") ? String(location.dropLast()) : location }

    func integerProperty(_ key: String, default fallback: Int) -> Int { properties[key].flatMap { Int($0) } ?? fallback }
}

extension TableMetadata {
    /// The metadata of a new, empty table. Field ids are taken as they are.
    public static func create(
        tableUUID: String, location: String, schema: Schema, spec: PartitionSpec = .unpartitioned, sortOrder: SortOrder = .unsorted,
        properties: [String: String] = [:], nowMS: Int64
    ) throws(IcebergError) -> TableMetadata {
        try spec.validate(for: schema)
        try sortOrder.validate(for: schema)
        return TableMetadata(
            formatVersion: 2, tableUUID: tableUUID, location: trimmed(location), lastSequenceNumber: 0, lastUpdatedMS: nowMS,
            lastColumnID: schema.highestFieldID, schemas: [schema], currentSchemaID: schema.schemaID, partitionSpecs: [spec],
            defaultSpecID: spec.specID, lastPartitionID: spec.highestFieldID, sortOrders: [sortOrder], defaultSortOrderID: sortOrder.orderID,
            properties: properties, currentSnapshotID: nil, snapshots: [], snapshotLog: [], metadataLog: [], references: [:], statistics: [],
            partitionStatistics: [], extra: JSONObject())
    }

    /// - Throws: `malformed` when an id names nothing or stands twice.
    func validate() throws(IcebergError) {
        func require(_ condition: Bool, _ text: String) throws(IcebergError) {
            if !condition { throw IcebergError(.malformed, text) }
        }
        try require(Set(schemas.map(\.schemaID)).count == schemas.count, "schemas: a schema id stands twice")
        try require(Set(partitionSpecs.map(\.specID)).count == partitionSpecs.count, "partition-specs: a spec id stands twice")
        try require(Set(snapshots.map(\.snapshotID)).count == snapshots.count, "snapshots: a snapshot id stands twice")
        try require(schema(id: currentSchemaID) != nil, "current-schema-id: no schema \(currentSchemaID)")
        try require(spec(id: defaultSpecID) != nil, "default-spec-id: no partition spec \(defaultSpecID)")
        try require(
            sortOrders.contains { $0.orderID == defaultSortOrderID } || defaultSortOrderID == 0, "default-sort-order-id: no sort order \(defaultSortOrderID)")
        if let id = currentSnapshotID { try require(snapshot(id: id) != nil, "current-snapshot-id: no snapshot \(id)") }
        for (name, reference) in references {
            try require(snapshot(id: reference.snapshotID) != nil, "refs.\(name): no snapshot \(reference.snapshotID)")
        }
        if let main = references[SnapshotReference.main] {
            try require(main.snapshotID == currentSnapshotID, "refs.main: differs from current-snapshot-id")
        }
        for snapshot in snapshots where snapshot.sequenceNumber > lastSequenceNumber || snapshot.sequenceNumber < 0 {
            throw IcebergError(.malformed, "snapshot \(snapshot.snapshotID): sequence number \(snapshot.sequenceNumber) after the last, \(lastSequenceNumber)")
        }
        try require(lastSequenceNumber < .max && lastUpdatedMS < .max, "last-sequence-number or last-updated-ms is too large")
    }
}
