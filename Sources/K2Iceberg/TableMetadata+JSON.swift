import K2JSON

// JSON form of table metadata: https://iceberg.apache.org/spec/#table-metadata-and-snapshots (appendix C).

extension TableMetadata {
    private static let known: Set<String> = [
        "format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms", "last-column-id", "schemas", "schema",
        "current-schema-id", "partition-specs", "partition-spec", "default-spec-id", "last-partition-id", "properties", "current-snapshot-id",
        "snapshots", "snapshot-log", "metadata-log", "sort-orders", "default-sort-order-id", "refs", "statistics", "partition-statistics",
    ]

    /// The metadata document. Equal values print equal bytes.
    public var json: JSONValue {
        var object = JSONObject()
        object["format-version"] = .integer(formatVersion)
        if formatVersion > 1 || !tableUUID.isEmpty { object["table-uuid"] = .string(tableUUID) }
        object["location"] = .string(location)
        if formatVersion > 1 { object["last-sequence-number"] = .integer(lastSequenceNumber) }
        object["last-updated-ms"] = .integer(lastUpdatedMS)
        object["last-column-id"] = .integer(lastColumnID)
        if formatVersion == 1 {
            // Readers of old look for the current ones alone.
            object["schema"] = currentSchema.json
            object["partition-spec"] = defaultSpec.fieldsJSON
        }
        object["schemas"] = .array(schemas.map(\.json))
        object["current-schema-id"] = .integer(currentSchemaID)
        object["partition-specs"] = .array(partitionSpecs.map(\.json))
        object["default-spec-id"] = .integer(defaultSpecID)
        object["last-partition-id"] = .integer(lastPartitionID)
        object["sort-orders"] = .array(sortOrders.map(\.json))
        object["default-sort-order-id"] = .integer(defaultSortOrderID)
        object["properties"] = .object(JSONObject(sorted: properties))
        if let currentSnapshotID { object["current-snapshot-id"] = .integer(currentSnapshotID) }
        var refs = JSONObject()
        for name in references.keys.sorted() { refs[name] = references[name]?.json }
        object["refs"] = .object(refs)
        object["snapshots"] = .array(snapshots.map { $0.json(formatVersion: formatVersion) })
        object["statistics"] = .array(statistics)
        object["partition-statistics"] = .array(partitionStatistics)
        object["snapshot-log"] = .array(
            snapshotLog.map { ["timestamp-ms": .integer($0.timestampMS), "snapshot-id": .integer($0.snapshotID)] })
        object["metadata-log"] = .array(
            metadataLog.map { ["timestamp-ms": .integer($0.timestampMS), "metadata-file": .string($0.metadataFile)] })
        object.merge(extra)
        return .object(object)
    }

    /// Reads a metadata file; `location` is for messages.
    public init(reading bytes: [UInt8], location: String) throws(IcebergError) {
        let json: JSONValue
        do throws(JSONValueError) { json = try JSONValue(parsing: bytes) } catch { throw IcebergError(error, reading: location) }
        do throws(IcebergError) { try self.init(json: json) } catch { throw error.at(location) }
    }

    public init(json: JSONValue) throws(IcebergError) {
        let fields = try JSONFields(json, path: "")
        let version = try fields.int("format-version")
        guard version == 1 || version == 2 else {
            throw IcebergError(.unsupported, "format-version: expected 1 or 2, found \(version)")
        }
        let schemas = try Self.schemas(fields, version)
        let specs = try Self.specs(fields, version)
        let orders = try fields.objects("sort-orders", SortOrder.init)
        let snapshots = try fields.objects("snapshots", Snapshot.init)
        let found = try fields.optionalInt64("current-snapshot-id")
        let current = found == -1 ? nil : found
        self.init(
            formatVersion: version,
            tableUUID: version == 1 ? try fields.optionalString("table-uuid") ?? "" : try fields.string("table-uuid"),
            location: try fields.string("location"),
            lastSequenceNumber: version == 1 ? 0 : try fields.int64("last-sequence-number"),
            lastUpdatedMS: try fields.int64("last-updated-ms"),
            lastColumnID: try fields.int("last-column-id"),
            schemas: schemas.0, currentSchemaID: schemas.1, partitionSpecs: specs.0, defaultSpecID: specs.1,
            lastPartitionID: try fields.optionalInt("last-partition-id") ?? specs.0.map(\.highestFieldID).max() ?? PartitionSpec.firstFieldID - 1,
            sortOrders: orders.isEmpty ? [.unsorted] : orders,
            defaultSortOrderID: try fields.optionalInt("default-sort-order-id") ?? 0,
            properties: try fields.strings("properties"),
            currentSnapshotID: current, snapshots: snapshots,
            snapshotLog: try fields.objects("snapshot-log") { (entry) throws(IcebergError) in
                SnapshotLogEntry(timestampMS: try entry.int64("timestamp-ms"), snapshotID: try entry.int64("snapshot-id"))
            },
            metadataLog: try fields.objects("metadata-log") { (entry) throws(IcebergError) in
                MetadataLogEntry(timestampMS: try entry.int64("timestamp-ms"), metadataFile: try entry.string("metadata-file"))
            },
            references: try Self.references(fields, current: current),
            statistics: try fields.optionalArray("statistics"),
            partitionStatistics: try fields.optionalArray("partition-statistics"),
            extra: fields.extra(besides: Self.known))
        try validate()
    }

    private static func schemas(_ fields: JSONFields, _ version: Int) throws(IcebergError) -> ([Schema], Int) {
        if version == 1, fields.optional("schemas") == nil {
            let only = try Schema(try JSONFields(try fields.value("schema"), path: "schema"))
            return ([only], only.schemaID)
        }
        let schemas = try fields.objects("schemas", Schema.init)
        guard !schemas.isEmpty else { throw IcebergError(.malformed, "schemas: missing or empty") }
        return (schemas, try fields.int("current-schema-id"))
    }

    private static func specs(_ fields: JSONFields, _ version: Int) throws(IcebergError) -> ([PartitionSpec], Int) {
        if version == 1, fields.optional("partition-specs") == nil {
            let only = PartitionSpec(specID: 0, fields: try PartitionSpec.fields(fields, "partition-spec"))
            return ([only], 0)
        }
        let specs = try fields.objects("partition-specs", PartitionSpec.init)
        guard !specs.isEmpty else { throw IcebergError(.malformed, "partition-specs: missing or empty") }
        return (specs, try fields.int("default-spec-id"))
    }

    private static func references(_ fields: JSONFields, current: Int64?) throws(IcebergError) -> [String: SnapshotReference] {
        var result: [String: SnapshotReference] = [:]
        if let value = fields.optional("refs") {
            let refs = try JSONFields(value, path: "refs")
            for member in refs.object.members { result[member.key] = try SnapshotReference(try JSONFields(member.value, path: refs.place(member.key))) }
        }
        // Writers that know no refs leave main out.
        if result[SnapshotReference.main] == nil, let current { result[SnapshotReference.main] = SnapshotReference(snapshotID: current) }
        return result
    }
}
