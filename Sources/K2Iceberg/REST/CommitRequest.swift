import K2JSON

// Bodies of requests in the REST catalog protocol:
// https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml (`BaseUpdate`, `TableRequirement`).

/// A change of one table as the protocol has it (`CommitTableRequest`).
struct CommitRequest {
    var requirements: [JSONValue]
    var updates: [JSONValue]

    init(_ updates: [MetadataUpdate], requirements: [Requirement], on base: TableMetadata) {
        self.requirements = requirements.map(\.json)
        self.updates = []
        var added = Added(lastColumn: base.lastColumnID)
        for update in updates { self.updates.append(added.json(of: update)) }
    }

    /// The making of a table that must not be there yet. Ids are kept as they are in `metadata`.
    init(creating metadata: TableMetadata) {
        requirements = [["type": "assert-create"]]
        updates = [
            ["action": "assign-uuid", "uuid": .string(metadata.tableUUID)],
            ["action": "upgrade-format-version", "format-version": .integer(metadata.formatVersion)],
        ]
        var added = Added(lastColumn: metadata.lastColumnID)
        let parts: [MetadataUpdate] = [
            .addSchema(metadata.currentSchema), .setCurrentSchema(id: metadata.currentSchemaID), .addPartitionSpec(metadata.defaultSpec),
            .setDefaultSpec(id: metadata.defaultSpecID), .addSortOrder(metadata.sortOrders[0]), .setDefaultSortOrder(id: metadata.defaultSortOrderID),
        ]
        for part in parts { updates.append(added.json(of: part)) }
        updates.append(["action": "set-location", "location": .string(metadata.location)])
        if !metadata.properties.isEmpty { updates.append(added.json(of: .setProperties(metadata.properties))) }
    }

    func json(of identifier: TableIdentifier? = nil) -> JSONValue {
        var object = JSONObject()
        if let identifier { object["identifier"] = identifier.json }
        object["requirements"] = .array(requirements)
        object["updates"] = .array(updates)
        return .object(object)
    }

    /// What was added last in one request. The server may give it another id, so it is referred to as -1.
    private struct Added {
        let lastColumn: Int
        var schema: Int?
        var spec: Int?
        var order: Int?

        mutating func json(of update: MetadataUpdate) -> JSONValue {
            switch update {
            case .addSchema(let schema):
                self.schema = schema.schemaID
                // Newer servers find the last column's id themselves.
                let last = max(lastColumn, schema.highestFieldID)
                return ["action": "add-schema", "schema": schema.json, "last-column-id": .integer(last)]
            case .setCurrentSchema(let id): return ["action": "set-current-schema", "schema-id": .integer(id == schema ? -1 : id)]
            case .addPartitionSpec(let spec):
                self.spec = spec.specID
                return ["action": "add-spec", "spec": spec.json]
            case .setDefaultSpec(let id): return ["action": "set-default-spec", "spec-id": .integer(id == spec ? -1 : id)]
            case .addSortOrder(let order):
                self.order = order.orderID
                return ["action": "add-sort-order", "sort-order": order.json]
            case .setDefaultSortOrder(let id): return ["action": "set-default-sort-order", "sort-order-id": .integer(id == order ? -1 : id)]
            case .addSnapshot(let snapshot): return ["action": "add-snapshot", "snapshot": snapshot.json]
            case .setSnapshotReference(let name, let reference):
                var object = JSONObject()
                object["action"] = "set-snapshot-ref"
                object["ref-name"] = .string(name)
                object.merge(reference.json.objectValue ?? JSONObject())
                return .object(object)
            case .removeSnapshots(let ids): return ["action": "remove-snapshots", "snapshot-ids": .array(ids.map { .integer($0) })]
            case .removeSnapshotReference(let name): return ["action": "remove-snapshot-ref", "ref-name": .string(name)]
            case .setProperties(let values): return ["action": "set-properties", "updates": .object(JSONObject(sorted: values))]
            case .removeProperties(let keys): return ["action": "remove-properties", "removals": .array(keys.map { .string($0) })]
            }
        }
    }
}

extension Requirement {
    var json: JSONValue {
        switch self {
        case .tableUUID(let uuid): ["type": "assert-table-uuid", "uuid": .string(uuid)]
        case .reference(let name, let id):
            ["type": "assert-ref-snapshot-id", "ref": .string(name), "snapshot-id": id.map { .integer($0) } ?? .null]
        case .currentSchema(let id): ["type": "assert-current-schema-id", "current-schema-id": .integer(id)]
        case .defaultSpec(let id): ["type": "assert-default-spec-id", "default-spec-id": .integer(id)]
        }
    }
}

extension TableIdentifier {
    var json: JSONValue { ["namespace": .array(namespace.map { .string($0) }), "name": .string(name)] }
}
