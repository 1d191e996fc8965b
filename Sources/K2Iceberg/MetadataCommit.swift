import K2ObjectStore

/// The metadata that a commit makes, for catalogs whose clients write the metadata files themselves.
struct MetadataCommit {
    let metadata: TableMetadata
    /// Metadata files that fell out of the log.
    private let outdated: [String]

    /// - Throws: `conflict` or `validation` when a requirement does not hold in `base`.
    init(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table, nowMS: Int64) throws(IcebergError) {
        for requirement in requirements { try requirement.check(base.metadata) }
        var metadata = try base.metadata.applying(updates, nowMS: nowMS)
        outdated = metadata.logPrevious(metadataFile: base.metadataLocation, timestampMS: base.metadata.lastUpdatedMS)
        self.metadata = metadata
    }

    /// The metadata files that nothing needs any more, once the commit is made: none unless the table
    /// has `write.metadata.delete-after-commit.enabled`.
    var removable: [String] { metadata.properties["write.metadata.delete-after-commit.enabled"] == "true" ? outdated : [] }

    /// The number that a metadata file's name begins with (`00004-…` or Hadoop's `v4.…`); 0 for other names.
    static func version(of location: String) -> Int {
        let name = StoreLocation.name(location)
        let digits = (name.hasPrefix("v") ? name.dropFirst() : name[...]).prefix { $0.isASCII && $0.isNumber }
        return min(Int(digits) ?? 0, 1 << 40)
    }
}
