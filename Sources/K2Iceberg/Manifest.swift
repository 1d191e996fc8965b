// Manifests and manifest lists as values: https://iceberg.apache.org/spec/#manifests and #manifest-lists.

/// What a manifest's files hold.
public enum ManifestContent: Int, Sendable {
    case data = 0
    case deletes = 1
}

/// One immutable file of a table, with what is needed to plan reads without opening it.
public struct DataFile: Equatable, Sendable {
    public enum Content: Int, Sendable {
        case data = 0
        case positionDeletes = 1
        case equalityDeletes = 2
    }

    public var content: Content
    public var path: String
    /// `PARQUET`, `AVRO` or `ORC`.
    public var format: String
    /// The partition spec that `partition` belongs to. Stands in the manifest's header, not with the file.
    public var specID: Int
    /// One value for each field of the spec; nil is null.
    public var partition: [Datum?]
    public var recordCount: Int64
    /// Bytes.
    public var fileSize: Int64
    /// By field id: bytes on disk, values with nulls and NaNs, nulls, NaNs.
    public var columnSizes: [Int: Int64]
    public var valueCounts: [Int: Int64]
    public var nullValueCounts: [Int: Int64]
    public var nanValueCounts: [Int: Int64]
    /// By field id, serialized as single values; see `Bounds`.
    public var lowerBounds: [Int: [UInt8]]
    public var upperBounds: [Int: [UInt8]]
    public var keyMetadata: [UInt8]?
    /// Offsets of row groups, ascending.
    public var splitOffsets: [Int64]
    public var equalityIDs: [Int]
    public var sortOrderID: Int?
    /// The one data file that a position delete file is about, where its writer said so.
    public var referencedDataFile: String?

    public init(
        content: Content = .data, path: String, format: String = "PARQUET", specID: Int = 0, partition: [Datum?] = [], recordCount: Int64,
        fileSize: Int64, columnSizes: [Int: Int64] = [:], valueCounts: [Int: Int64] = [:], nullValueCounts: [Int: Int64] = [:],
        nanValueCounts: [Int: Int64] = [:], lowerBounds: [Int: [UInt8]] = [:], upperBounds: [Int: [UInt8]] = [:], keyMetadata: [UInt8]? = nil,
        splitOffsets: [Int64] = [], equalityIDs: [Int] = [], sortOrderID: Int? = nil, referencedDataFile: String? = nil
    ) {
        self.content = content
        self.path = path
        self.format = format
        self.specID = specID
        self.partition = partition
        self.recordCount = recordCount
        self.fileSize = fileSize
        self.columnSizes = columnSizes
        self.valueCounts = valueCounts
        self.nullValueCounts = nullValueCounts
        self.nanValueCounts = nanValueCounts
        self.lowerBounds = lowerBounds
        self.upperBounds = upperBounds
        self.keyMetadata = keyMetadata
        self.splitOffsets = splitOffsets
        self.equalityIDs = equalityIDs
        self.sortOrderID = sortOrderID
        self.referencedDataFile = referencedDataFile
    }
}

/// A file in a manifest, and what became of it in the manifest's snapshot.
public struct ManifestEntry: Equatable, Sendable {
    public enum Status: Int, Sendable {
        case existing = 0
        case added = 1
        case deleted = 2
    }

    public var status: Status
    /// The snapshot that added the file, or deleted it. Nil in an added entry: that of the manifest.
    public var snapshotID: Int64?
    /// The file's data sequence number. Nil in an added entry: that of the manifest.
    public var sequenceNumber: Int64?
    public var fileSequenceNumber: Int64?
    public var file: DataFile

    public init(status: Status, snapshotID: Int64?, sequenceNumber: Int64?, fileSequenceNumber: Int64?, file: DataFile) {
        self.status = status
        self.snapshotID = snapshotID
        self.sequenceNumber = sequenceNumber
        self.fileSequenceNumber = fileSequenceNumber
        self.file = file
    }

    public var isLive: Bool { status != .deleted }

    /// The entry with what it leaves to its manifest filled in (section "Sequence Number Inheritance").
    func inheriting(from manifest: ManifestFile) -> ManifestEntry {
        var entry = self
        entry.snapshotID = snapshotID ?? manifest.addedSnapshotID
        if status == .added || manifest.sequenceNumber == 0 {
            entry.sequenceNumber = sequenceNumber ?? manifest.sequenceNumber
            entry.fileSequenceNumber = fileSequenceNumber ?? manifest.sequenceNumber
        }
        return entry
    }

    /// The entry of the same file in a later manifest that keeps it.
    var asExisting: ManifestEntry {
        var entry = self
        entry.status = .existing
        return entry
    }

    /// The entry that removes the file in `snapshotID`.
    func asDeleted(in snapshotID: Int64) -> ManifestEntry {
        var entry = self
        entry.status = .deleted
        entry.snapshotID = snapshotID
        return entry
    }
}

/// A summary of one partition field over a manifest, for pruning.
public struct PartitionFieldSummary: Equatable, Sendable {
    public var containsNull: Bool
    public var containsNaN: Bool?
    public var lowerBound: [UInt8]?
    public var upperBound: [UInt8]?

    public init(containsNull: Bool, containsNaN: Bool? = nil, lowerBound: [UInt8]? = nil, upperBound: [UInt8]? = nil) {
        self.containsNull = containsNull
        self.containsNaN = containsNaN
        self.lowerBound = lowerBound
        self.upperBound = upperBound
    }
}

/// One line of a manifest list.
public struct ManifestFile: Equatable, Sendable {
    public var path: String
    /// Bytes.
    public var length: Int64
    public var specID: Int
    public var content: ManifestContent
    public var sequenceNumber: Int64
    public var minSequenceNumber: Int64
    public var addedSnapshotID: Int64
    /// Counts may be missing in lists of format version 1.
    public var addedFiles: Int?
    public var existingFiles: Int?
    public var deletedFiles: Int?
    public var addedRows: Int64?
    public var existingRows: Int64?
    public var deletedRows: Int64?
    public var partitions: [PartitionFieldSummary]?
    public var keyMetadata: [UInt8]?

    public init(
        path: String, length: Int64, specID: Int, content: ManifestContent, sequenceNumber: Int64, minSequenceNumber: Int64, addedSnapshotID: Int64,
        addedFiles: Int?, existingFiles: Int?, deletedFiles: Int?, addedRows: Int64?, existingRows: Int64?, deletedRows: Int64?,
        partitions: [PartitionFieldSummary]? = nil, keyMetadata: [UInt8]? = nil
    ) {
        self.path = path
        self.length = length
        self.specID = specID
        self.content = content
        self.sequenceNumber = sequenceNumber
        self.minSequenceNumber = minSequenceNumber
        self.addedSnapshotID = addedSnapshotID
        self.addedFiles = addedFiles
        self.existingFiles = existingFiles
        self.deletedFiles = deletedFiles
        self.addedRows = addedRows
        self.existingRows = existingRows
        self.deletedRows = deletedRows
        self.partitions = partitions
        self.keyMetadata = keyMetadata
    }

    /// False only when the counts prove that no file of this manifest is live.
    public var mayHoldLiveFiles: Bool { (addedFiles ?? 1) > 0 || (existingFiles ?? 1) > 0 }
}
