import K2JSON

/// Where a table lies and which files its metadata names: what has to be known of a neighbour before anything beside it is deleted.
///
/// Less is asked of the metadata than for `TableMetadata`, so that tables of later format versions can be looked at as well.
public struct TableOutline: Equatable, Sendable {
    public var location: String
    public var metadataFolder: String
    public var dataFolder: String
    /// Of all snapshots.
    public var manifestLists: [String]
    /// Manifests that snapshots of format version 1 name themselves.
    public var manifests: [String]
    /// Metadata files of the log, and files with statistics.
    public var otherFiles: [String]

    public init(_ metadata: TableMetadata) {
        location = metadata.location
        metadataFolder = metadata.metadataFolder
        dataFolder = metadata.dataFolder
        manifestLists = metadata.snapshots.map(\.manifestList).filter { !$0.isEmpty }
        manifests = metadata.snapshots.flatMap(\.manifests)
        otherFiles = metadata.metadataLog.map(\.metadataFile) + (metadata.statistics + metadata.partitionStatistics).compactMap { $0["statistics-path"]?.stringValue }
    }

    /// Reads a metadata file; `location` is for messages.
    public init(reading bytes: [UInt8], location: String) throws(IcebergError) {
        let json: JSONValue
        do throws(JSONValueError) { json = try JSONValue(parsing: bytes) } catch { throw IcebergError(error, reading: location) }
        do throws(IcebergError) { try self.init(json: json) } catch { throw error.at(location) }
    }

    init(json: JSONValue) throws(IcebergError) {
        let fields = try JSONFields(json, path: "")
        location = try fields.string("location")
        let properties = try fields.strings("properties")
        metadataFolder = TableMetadata.folder(properties["write.metadata.path"], below: location, "metadata")
        dataFolder = TableMetadata.folder(properties["write.data.path"], below: location, "data")
        manifestLists = []
        manifests = []
        for snapshot in try fields.objects("snapshots", { (snapshot) throws(IcebergError) in snapshot }) {
            if let list = try snapshot.optionalString("manifest-list") { manifestLists.append(list) } else { manifests += try snapshot.array("manifests").compactMap(\.stringValue) }
        }
        otherFiles = try fields.objects("metadata-log") { (entry) throws(IcebergError) in try entry.string("metadata-file") }
        for key in ["statistics", "partition-statistics"] {
            otherFiles += try fields.objects(key) { (entry) throws(IcebergError) in try entry.string("statistics-path") }
        }
    }
}

/// A table of a catalog as far as it can be read.
public struct CatalogEntry: Sendable {
    public var identifier: TableIdentifier
    /// Nil when the catalog does not say where the metadata is.
    public var metadataLocation: String?
    /// Why it cannot be read: the metadata is lost, or is none that is known here.
    public var outline: Result<TableOutline, IcebergError>

    public init(_ identifier: TableIdentifier, at metadataLocation: String?, outline: Result<TableOutline, IcebergError>) {
        self.identifier = identifier
        self.metadataLocation = metadataLocation
        self.outline = outline
    }

    public init(_ table: Table) { self.init(table.identifier, at: table.metadataLocation, outline: .success(TableOutline(table.metadata))) }

    /// - Parameter read: what it throws is a finding about the table where trying again would not help.
    init(_ identifier: TableIdentifier, at metadataLocation: String?, reading read: () throws(IcebergError) -> TableOutline) throws(IcebergError) {
        do throws(IcebergError) { self.init(identifier, at: metadataLocation, outline: .success(try read())) } catch {
            guard error.isLasting else { throw error }
            self.init(identifier, at: metadataLocation, outline: .failure(error))
        }
    }

    /// The folder that holds the table's files, as far as the place of its metadata tells: for tables that cannot be read.
    public var likelyLocation: String? {
        guard let metadataLocation, let slash = metadataLocation.lastIndex(of: "/") else { return nil }
        let folder = metadataLocation[..<slash]
        return folder.hasSuffix("/metadata") ? String(folder.dropLast("/metadata".count)) : String(folder)
    }
}

extension IcebergError {
    /// Whether the table itself is what cannot be read, and not the catalog or the store.
    public var isLasting: Bool { !isRetryable && (code == .missingFile || code == .malformed || code == .unsupported) }
}

extension Catalog {
    public func entry(_ identifier: TableIdentifier) throws(IcebergError) -> CatalogEntry? {
        do throws(IcebergError) { return try findTable(identifier).map { CatalogEntry($0) } } catch {
            guard error.isLasting else { throw error }
            return CatalogEntry(identifier, at: nil, outline: .failure(error))
        }
    }

    /// All tables but one, hidden ones too, as far as each can be read.
    /// - Throws: as `entry`.
    public func entries(besides own: TableIdentifier) throws(IcebergError) -> [CatalogEntry] {
        var entries: [CatalogEntry] = []
        for namespace in try namespaces() {
            for identifier in try tables(in: namespace) where identifier != own {
                // One that was dropped meanwhile needs nothing.
                if let entry = try entry(identifier) { entries.append(entry) }
            }
        }
        return entries + (try hiddenTables())
    }
}
