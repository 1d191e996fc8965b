import K2Iceberg

/// How tables are compacted.
public struct CompactOptions: Sendable {
    /// The order of rows within files.
    public enum Order: Equatable, Sendable {
        /// As the table's sort order says.
        case table
        case fields([SortTerm])
        /// Along a curve that keeps near what is near in all of these columns.
        case zOrder([String])
    }

    /// Bytes of a data file, about. Files below 75 % or above 180 % of it are candidates.
    public var targetSize = standardTarget
    /// Whether the table's own `write.target-file-size-bytes`, where it has one, goes before `targetSize`.
    public var isTargetOfTable = false
    /// Files of a partition that are worth laying together, when they do not fill a file.
    public var minInputFiles = 5
    /// Bytes that the process may take.
    public var maxMemory = 512 << 20
    /// Commits of a run over one table at most.
    public var maxCommits = 10
    public var condition: FilePredicate?
    public var order = Order.table
    /// Whether small manifests are laid together as well.
    public var rewritesManifests = false
    /// Whether rows of equal identity become one.
    public var removesDuplicates = false
    /// Where what does not fit into memory goes for a while.
    public var temporaryFolder = "/tmp"

    public init() {}

    public static let smallestMemory = 96 << 20
    public static let smallestTarget = 1 << 16
    public static let standardTarget = 128 << 20

    /// The same for one table.
    func fitted(to metadata: TableMetadata) -> CompactOptions {
        guard isTargetOfTable, let size = metadata.targetFileSize else { return self }
        var options = self
        options.targetSize = max(size, Self.smallestTarget)
        return options
    }
}

extension TableMetadata {
    /// Bytes of a data file, about, as the table wants it; nil when it does not say, or says nothing that is meant.
    var targetFileSize: Int? { properties["write.target-file-size-bytes"].flatMap { Int($0) }.flatMap { (1...(1 << 50)).contains($0) ? $0 : nil } }
}

/// A column to sort by.
public struct SortTerm: Equatable, Sendable {
    public var column: String
    public var isDescending: Bool
    /// nil: first when ascending, last when descending.
    public var nullsFirst: Bool?

    public init(_ column: String, isDescending: Bool = false, nullsFirst: Bool? = nil) {
        self.column = column
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }

    /// Reads `price desc nulls last`; nil when it is none.
    public init?(_ text: some StringProtocol) {
        let words = text.split { $0 == " " }.map { String($0) }
        guard let column = words.first else { return nil }
        self.init(column)
        var rest = words.dropFirst().map { $0.lowercased() }[...]
        if let word = rest.first, word == "asc" || word == "desc" {
            isDescending = word == "desc"
            rest = rest.dropFirst()
        }
        if rest.first == "nulls", rest.count == 2, let word = rest.last, word == "first" || word == "last" {
            nullsFirst = word == "first"
            rest = []
        }
        guard rest.isEmpty else { return nil }
    }
}
