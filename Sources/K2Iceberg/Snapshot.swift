import K2JSON

/// The state of a table at one time: https://iceberg.apache.org/spec/#snapshots
public struct Snapshot: Equatable, Sendable {
    public enum Operation: String, Sendable {
        case append, replace, overwrite, delete
    }

    public var snapshotID: Int64
    public var parentSnapshotID: Int64?
    public var sequenceNumber: Int64
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var timestampMS: Int64
    /// Location of the manifest list; empty where the snapshot names its manifests itself.
    public var manifestList: String
    /// Manifests that the snapshot names itself, as writers of format version 1 may have it.
    public var manifests: [String]
    /// `operation` and counts, and whatever writers add.
    public var summary: [String: String]
    public var schemaID: Int?
    /// Members of the snapshot's JSON that are not known here, kept.
    public var extra: JSONObject

    public init(
        snapshotID: Int64, parentSnapshotID: Int64?, sequenceNumber: Int64, timestampMS: Int64, manifestList: String, manifests: [String] = [],
        summary: [String: String], schemaID: Int?, extra: JSONObject = JSONObject()
    ) {
        self.snapshotID = snapshotID
        self.parentSnapshotID = parentSnapshotID
        self.sequenceNumber = sequenceNumber
        self.timestampMS = timestampMS
        self.manifestList = manifestList
        self.manifests = manifests
        self.summary = summary
        self.schemaID = schemaID
        self.extra = extra
    }

    public var operation: Operation? { summary["operation"].flatMap { Operation(rawValue: $0) } }
}

extension Snapshot {
    private static let known: Set<String> = [
        "snapshot-id", "parent-snapshot-id", "sequence-number", "timestamp-ms", "manifest-list", "manifests", "summary", "schema-id",
    ]

    var json: JSONValue { json(formatVersion: 2) }

    /// Format version 1 has no sequence numbers.
    func json(formatVersion: Int) -> JSONValue {
        var object = JSONObject()
        object["snapshot-id"] = .integer(snapshotID)
        if let parentSnapshotID { object["parent-snapshot-id"] = .integer(parentSnapshotID) }
        if formatVersion > 1 { object["sequence-number"] = .integer(sequenceNumber) }
        object["timestamp-ms"] = .integer(timestampMS)
        if manifestList.isEmpty {
            object["manifests"] = .array(manifests.map { .string($0) })
        } else {
            object["manifest-list"] = .string(manifestList)
        }
        if !summary.isEmpty {
            var values = JSONObject()
            if let operation = summary["operation"] { values["operation"] = .string(operation) }
            values.merge(JSONObject(sorted: summary))
            object["summary"] = .object(values)
        }
        if let schemaID { object["schema-id"] = .integer(schemaID) }
        object.merge(extra)
        return .object(object)
    }

    init(_ fields: JSONFields) throws(IcebergError) {
        let list = try fields.optionalString("manifest-list")
        if list == nil, fields.optional("manifests") == nil { throw IcebergError(.malformed, "\(fields.path): neither a manifest list nor manifests") }
        // Where there are both, the list counts.
        let manifests = list == nil ? try fields.texts("manifests") : []
        self.init(
            snapshotID: try fields.int64("snapshot-id"), parentSnapshotID: try fields.optionalInt64("parent-snapshot-id"),
            sequenceNumber: try fields.optionalInt64("sequence-number") ?? 0, timestampMS: try fields.int64("timestamp-ms"),
            manifestList: list ?? "", manifests: manifests, summary: try fields.strings("summary"),
            schemaID: try fields.optionalInt("schema-id"), extra: fields.extra(besides: Self.known))
    }
}

/// A branch or tag.
public struct SnapshotReference: Equatable, Sendable {
    public enum Kind: String, Sendable {
        case branch, tag
    }

    public static let main = "main"

    public var snapshotID: Int64
    public var kind: Kind
    public var minSnapshotsToKeep: Int?
    public var maxSnapshotAgeMS: Int64?
    public var maxReferenceAgeMS: Int64?

    public init(
        snapshotID: Int64, kind: Kind = .branch, minSnapshotsToKeep: Int? = nil, maxSnapshotAgeMS: Int64? = nil, maxReferenceAgeMS: Int64? = nil
    ) {
        self.snapshotID = snapshotID
        self.kind = kind
        self.minSnapshotsToKeep = minSnapshotsToKeep
        self.maxSnapshotAgeMS = maxSnapshotAgeMS
        self.maxReferenceAgeMS = maxReferenceAgeMS
    }

    var json: JSONValue {
        var object = JSONObject()
        object["snapshot-id"] = .integer(snapshotID)
        object["type"] = .string(kind.rawValue)
        if let minSnapshotsToKeep { object["min-snapshots-to-keep"] = .integer(minSnapshotsToKeep) }
        if let maxSnapshotAgeMS { object["max-snapshot-age-ms"] = .integer(maxSnapshotAgeMS) }
        if let maxReferenceAgeMS { object["max-ref-age-ms"] = .integer(maxReferenceAgeMS) }
        return .object(object)
    }

    init(_ fields: JSONFields) throws(IcebergError) {
        guard let kind = Kind(rawValue: try fields.string("type")) else {
            throw IcebergError(.malformed, "\(fields.place("type")): expected branch or tag")
        }
        self.init(
            snapshotID: try fields.int64("snapshot-id"), kind: kind, minSnapshotsToKeep: try fields.optionalInt("min-snapshots-to-keep"),
            maxSnapshotAgeMS: try fields.optionalInt64("max-snapshot-age-ms"), maxReferenceAgeMS: try fields.optionalInt64("max-ref-age-ms"))
    }
}
