import K2Iceberg
import K2JSON
import K2ObjectStore

/// The folders that a table calls its own. What its metadata names elsewhere was brought in from somewhere, and may be needed there.
struct TableFolders {
    /// The table's location first.
    let all: [LocationKey]

    init(_ metadata: TableMetadata, _ places: RealPlaces) throws(StoreError) { try self.init(TableOutline(metadata), places) }

    init(_ outline: TableOutline, _ places: RealPlaces) throws(StoreError) {
        all = [try places.folder(outline.location), try places.folder(outline.metadataFolder), try places.folder(outline.dataFolder)]
    }

    func hold(_ key: LocationKey) -> Bool { all.contains { key != $0 && key.isInside($0) } }
}

extension TableMetadata {
    /// Files with statistics, of tables and partitions, with the snapshots that they describe.
    var statisticsFiles: [(location: String, snapshotID: Int64?)] {
        (statistics + partitionStatistics).compactMap { entry in
            entry["statistics-path"]?.stringValue.map { (location: $0, snapshotID: entry["snapshot-id"]?.int64Value) }
        }
    }

    /// The table says that its files may belong to others: then nothing is deleted.
    var forbidsDeleting: Bool { properties["gc.enabled"] == "false" }
}

extension [Snapshot] {
    /// The manifest lists of those that have one.
    var lists: [String] { map(\.manifestList).filter { !$0.isEmpty } }
}
