import K2ObjectStore

/// Where a file catalog keeps things below its root: `NAMESPACE/…/TABLE/metadata/vN.metadata.json` and, beside the
/// versions, `version-hint.text` (https://iceberg.apache.org/spec/#file-system-tables).
struct FileLayout: Equatable, Sendable {
    /// Without a slash at its end.
    let root: String

    init(root: String) { self.root = root.hasSuffix("/") ? String(root.dropLast()) : root }

    /// An object store has no empty folders: this object says that a namespace was made.
    /// Engines that walk folders take no notice of a file with a dot before its name.
    static let marker = ".k2-namespace"
    private static let ending = ".metadata.json"

    func folder(_ names: [String]) -> String { ([root] + names).joined(separator: "/") }
    func marker(_ namespace: [String]) -> String { folder(namespace + [Self.marker]) }
    func location(_ table: TableIdentifier) -> String { folder(table.namespace + [table.name]) }
    func metadataFolder(_ table: TableIdentifier) -> String { location(table) + "/metadata" }
    func hint(_ table: TableIdentifier) -> String { metadataFolder(table) + "/version-hint.text" }
    func version(_ number: Int, of table: TableIdentifier) -> String { "\(metadataFolder(table))/v\(number)\(Self.ending)" }

    /// The N of `vN.metadata.json`; nil for other names.
    static func versionNumber(_ name: some StringProtocol) -> Int? {
        guard name.hasPrefix("v"), name.hasSuffix(ending) else { return nil }
        let digits = name.dropFirst().dropLast(ending.count)
        guard !digits.isEmpty, digits.utf8.count < 16, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != "0" else { return nil }
        return Int(digits)
    }

    /// Whether a name is that of table metadata which is not one of our versions: compressed, or of another kind of catalog.
    static func isForeignMetadata(_ name: String) -> Bool {
        versionNumber(name) == nil && (name.hasSuffix(ending) || name.hasSuffix(ending + ".gz"))
    }

    // MARK: Names

    /// - Throws: `invalid` for names that are no folder of their own, or that other catalogs could not tell from two levels.
    static func check(_ namespace: [String]) throws(IcebergError) {
        guard !namespace.isEmpty, namespace.allSatisfy({ isFolderName($0) && !$0.contains(".") }) else {
            throw IcebergError(.invalid, "namespace \"\(namespace.joined(separator: "."))\": expected names without dots and slashes")
        }
    }

    static func check(_ table: TableIdentifier) throws(IcebergError) {
        try check(table.namespace)
        guard isFolderName(table.name) else {
            throw IcebergError(.invalid, "table \"\(table)\": expected a name without slashes and without a dot at its beginning")
        }
    }

    private static func isFolderName(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") }
    }

    // MARK: Listings

    /// What lies below a folder.
    struct Contents: Equatable {
        var namespaces: Set<[String]> = []
        /// The newest version of each table.
        var tables: [TableIdentifier: TableVersion] = [:]

        fileprivate mutating func addNamespace(_ names: some Collection<String>) {
            for count in 1...max(names.count, 1) where count <= names.count { namespaces.insert(Array(names.prefix(count))) }
        }
    }

    /// Sorts out a listing of objects below the root.
    func contents(_ objects: [StoredObject]) -> Contents {
        var contents = Contents()
        for object in objects where object.location.hasPrefix(root + "/") {
            let names = object.location.dropFirst(root.count + 1).split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
            if names.last == Self.marker {
                contents.addNamespace(names.dropLast())
            } else if names.count >= 4, names[names.count - 2] == "metadata", let number = Self.versionNumber(names[names.count - 1]) {
                let table = TableIdentifier(Array(names.dropLast(3)), names[names.count - 3])
                contents.addNamespace(table.namespace)
                if let known = contents.tables[table], known.number > number { continue }
                contents.tables[table] = TableVersion(number: number, isEmpty: object.size == 0)
            }
        }
        return contents
    }
}

/// One `vN.metadata.json`.
struct TableVersion: Equatable, Sendable {
    var number: Int
    /// An empty version ends the history before it: the table was dropped, or the version's content is no longer needed.
    var isEmpty: Bool
}
