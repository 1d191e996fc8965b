@testable import K2Iceberg
import K2JSON
import Testing

/// The bodies of commits against the field names of the REST specification (`rest-catalog-open-api.yaml`).
struct CommitRequestTests {
    private let schema = try! Schema(
        schemaID: 1, fields: [NestedField(1, "id", .long, required: true), NestedField(2, "s", .string, required: false)], identifierFieldIDs: [1])
    private let spec = PartitionSpec(specID: 1, fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "b", transform: .bucket(4))])
    private let order = SortOrder(orderID: 1, fields: [SortField(sourceID: 2, direction: .descending, nullOrder: .last)])

    private func base() throws -> TableMetadata {
        let creation = try Fixtures.creation()
        return try TableMetadata.create(tableUUID: "u", location: "s3://w/t", schema: creation.schema, spec: creation.spec, nowMS: 5)
    }

    private func updates(_ updates: [MetadataUpdate]) throws -> [String] {
        CommitRequest(updates, requirements: [], on: try base()).updates.map(\.text)
    }

    @Test func `schemas, specs and sort orders`() throws {
        let text = try updates([
            .addSchema(schema), .setCurrentSchema(id: 1), .addPartitionSpec(spec), .setDefaultSpec(id: 1), .addSortOrder(order),
            .setDefaultSortOrder(id: 1),
        ])
        #expect(
            text == [
                #"{"action":"add-schema","schema":{"type":"struct","fields":[{"id":1,"name":"id","type":"long","required":true},"#
                    + #"{"id":2,"name":"s","type":"string","required":false}],"schema-id":1,"identifier-field-ids":[1]},"last-column-id":22}"#,
                #"{"action":"set-current-schema","schema-id":-1}"#,
                #"{"action":"add-spec","spec":{"spec-id":1,"fields":[{"source-id":1,"field-id":1000,"transform":"bucket[4]","name":"b"}]}}"#,
                #"{"action":"set-default-spec","spec-id":-1}"#,
                #"{"action":"add-sort-order","sort-order":{"order-id":1,"fields":[{"transform":"identity","source-id":2,"direction":"desc","null-order":"nulls-last"}]}}"#,
                #"{"action":"set-default-sort-order","sort-order-id":-1}"#,
            ])
    }

    @Test func `what is there already is named by its id`() throws {
        #expect(
            try updates([.setCurrentSchema(id: 3), .setDefaultSpec(id: 0), .setDefaultSortOrder(id: 0)]) == [
                #"{"action":"set-current-schema","schema-id":3}"#, #"{"action":"set-default-spec","spec-id":0}"#,
                #"{"action":"set-default-sort-order","sort-order-id":0}"#,
            ])
        #expect(try updates([.addSchema(schema), .setCurrentSchema(id: 0)]).last == #"{"action":"set-current-schema","schema-id":0}"#)
    }

    @Test func `snapshots and references`() throws {
        let snapshot = Snapshot(
            snapshotID: 7, parentSnapshotID: 6, sequenceNumber: 2, timestampMS: 9, manifestList: "s3://w/t/l.avro",
            summary: ["operation": "append", "added-records": "3"], schemaID: 1)
        let text = try updates([
            .addSnapshot(snapshot), .setSnapshotReference(name: "main", SnapshotReference(snapshotID: 7)),
            .setSnapshotReference(
                name: "t", SnapshotReference(snapshotID: 7, kind: .tag, minSnapshotsToKeep: 1, maxSnapshotAgeMS: 2, maxReferenceAgeMS: 3)),
            .removeSnapshots([1, 2]), .removeSnapshotReference(name: "t"),
        ])
        #expect(
            text == [
                #"{"action":"add-snapshot","snapshot":{"snapshot-id":7,"parent-snapshot-id":6,"sequence-number":2,"timestamp-ms":9,"#
                    + #""manifest-list":"s3://w/t/l.avro","summary":{"operation":"append","added-records":"3"},"schema-id":1}}"#,
                #"{"action":"set-snapshot-ref","ref-name":"main","snapshot-id":7,"type":"branch"}"#,
                #"{"action":"set-snapshot-ref","ref-name":"t","snapshot-id":7,"type":"tag","min-snapshots-to-keep":1,"max-snapshot-age-ms":2,"max-ref-age-ms":3}"#,
                #"{"action":"remove-snapshots","snapshot-ids":[1,2]}"#, #"{"action":"remove-snapshot-ref","ref-name":"t"}"#,
            ])
    }

    @Test func `properties`() throws {
        #expect(
            try updates([.setProperties(["b": "2", "a": "\"1\""]), .removeProperties(["c", "d"])]) == [
                #"{"action":"set-properties","updates":{"a":"\"1\"","b":"2"}}"#, #"{"action":"remove-properties","removals":["c","d"]}"#,
            ])
    }

    @Test func `requirements`() {
        let requirements: [Requirement] = [
            .tableUUID("u"), .reference(name: "main", snapshotID: 7), .reference(name: "main", snapshotID: nil), .currentSchema(id: 1),
            .defaultSpec(id: 2),
        ]
        #expect(
            requirements.map(\.json.text) == [
                #"{"type":"assert-table-uuid","uuid":"u"}"#, #"{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":7}"#,
                #"{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":null}"#,
                #"{"type":"assert-current-schema-id","current-schema-id":1}"#, #"{"type":"assert-default-spec-id","default-spec-id":2}"#,
            ])
    }

    @Test func `a commit names its table, and one that makes a table requires that it is not there`() throws {
        let commit = CommitRequest([], requirements: [.tableUUID("u")], on: try base()).json(of: TableIdentifier(["a", "b"], "t"))
        #expect(commit.text == #"{"identifier":{"namespace":["a","b"],"name":"t"},"requirements":[{"type":"assert-table-uuid","uuid":"u"}],"updates":[]}"#)
        let creation = CommitRequest(creating: try base())
        #expect(creation.requirements.map(\.text) == [#"{"type":"assert-create"}"#])
        #expect(
            creation.updates.map { $0["action"]!.stringValue! } == [
                "assign-uuid", "upgrade-format-version", "add-schema", "set-current-schema", "add-spec", "set-default-spec", "add-sort-order",
                "set-default-sort-order", "set-location",
            ])
        #expect(creation.updates[0].text == #"{"action":"assign-uuid","uuid":"u"}"# && creation.updates[1].text == #"{"action":"upgrade-format-version","format-version":2}"#)
        #expect(creation.updates[8].text == #"{"action":"set-location","location":"s3://w/t"}"#)
    }

    @Test func `what the updates touch is required though nobody said so`() throws {
        let base = try base()
        let uuid = Requirement.tableUUID("u")
        let main = Requirement.reference(name: "main", snapshotID: nil)
        func all(_ updates: [MetadataUpdate], _ given: [Requirement] = []) -> [Requirement] { RESTCatalog.completed(given, for: updates, on: base) }
        #expect(all([.setProperties([:])]) == [uuid])
        #expect(all([.removeSnapshots([1])]) == [uuid, main])
        #expect(all([.addSchema(schema), .setCurrentSchema(id: 1)]) == [uuid, .currentSchema(id: 0)])
        #expect(all([.setDefaultSpec(id: 0)], [uuid]) == [uuid, .defaultSpec(id: 0)])
        #expect(all([.setSnapshotReference(name: "t", SnapshotReference(snapshotID: 1))], [main]) == [main, uuid, .reference(name: "t", snapshotID: nil)])
    }
}
