import Glibc
import Synchronization

/// Says where local files really lie, so that all forms of one place are one: through links, and with `..`, `.` and `//`.
///
/// What is not there any more is where its nearest folder is that exists. Each folder is looked up once, so a file costs one cheap call: an instance sees
/// the links of folders as they were when it first met them, and is meant for one piece of work. Locations in object stores are compared as
/// `LocationKey` does.
public final class RealPlaces: Sendable {
    /// Where a location leads.
    public struct Place: Sendable {
        /// The name itself, in the folder in which it really is.
        public let name: LocationKey
        /// The file: elsewhere when the name is a link.
        public let file: LocationKey
        public let isLink: Bool

        fileprivate init(_ name: LocationKey, file: LocationKey? = nil, isLink: Bool = false) {
            self.name = name
            self.file = file ?? name
            self.isLink = isLink
        }
    }

    private struct Folder {
        /// Without a slash at its end, but for the root.
        var path: String
        var isThere: Bool
    }

    private let folders = Mutex<[ExactPath: Folder]>([:])

    public init() {}

    /// The file that a location names.
    /// - Throws: as `place`.
    public func key(_ location: String) throws(StoreError) -> LocationKey { try place(location).file }

    /// - Throws: when a folder on the way cannot be looked at: then nobody knows where it leads.
    public func place(_ location: String) throws(StoreError) -> Place {
        guard let path = Self.localPath(location) else { return Place(LocationKey(location)) }
        let (folder, name) = Self.split(path)
        if Self.isNoName(name) { return Place(LocationKey(real: try self.folder(at: path, location).path)) }
        let parent = try self.folder(at: folder, location)
        let key = LocationKey(real: Self.join(parent.path, name))
        guard parent.isThere, try Self.isLink(key.text, location) else { return Place(key) }
        // One that leads nowhere protects nothing.
        return Place(key, file: try Self.resolve(key.text, location).map { LocationKey(real: $0) }, isLink: true)
    }

    /// A folder's location, with or without slashes at its end.
    /// - Throws: as `place`.
    public func folder(_ location: String) throws(StoreError) -> LocationKey {
        guard let path = Self.localPath(location) else { return LocationKey.folder(location) }
        return LocationKey(real: try folder(at: path, location).path)
    }

    // MARK: Folders

    private func folder(at path: String, _ location: String) throws(StoreError) -> Folder {
        let key = ExactPath(path)
        if let known = folders.withLock({ $0[key] }) { return known }
        let found = try look(path, location)
        folders.withLock { $0[key] = found }
        return found
    }

    private func look(_ path: String, _ location: String) throws(StoreError) -> Folder {
        if let real = try Self.resolve(path.isEmpty ? "." : path, location) { return Folder(path: real, isThere: true) }
        let (above, name) = Self.split(Self.withoutSlashes(path))
        // The root and the working folder are there, unless somebody removed the latter.
        guard !name.isEmpty else { return Folder(path: path, isThere: false) }
        var folder = try self.folder(at: above, location)
        folder.isThere = false
        switch name {
        case ".": break
        case "..": folder.path = Self.parent(of: folder.path)
        default: folder.path = Self.join(folder.path, name)
        }
        return folder
    }

    // MARK: Paths

    private static func localPath(_ location: String) -> String? {
        if let scheme = StoreLocation.scheme(location), scheme != "file" { return nil }
        return try? StoreLocation.localPath(location)
    }

    /// The folder, up to its last slash, and the name behind it.
    private static func split(_ path: String) -> (folder: String, name: String) {
        let name = StoreLocation.name(path)
        return (String(Substring(path.utf8.dropLast(name.utf8.count))), name)
    }

    private static func isNoName(_ name: String) -> Bool { name.isEmpty || name == "." || name == ".." }

    private static func withoutSlashes(_ path: String) -> String {
        var bytes = path.utf8[...]
        while bytes.last == .slash { bytes.removeLast() }
        return String(Substring(bytes))
    }

    private static func join(_ folder: String, _ name: String) -> String { folder.utf8.last == .slash ? folder + name : folder + "/" + name }

    private static func parent(of path: String) -> String {
        let above = withoutSlashes(split(path).folder)
        return above.isEmpty ? "/" : above
    }

    // MARK: The file system

    /// The path without links; nil when there is nothing.
    private static func resolve(_ path: String, _ location: String) throws(StoreError) -> String? {
        guard let real = realpath(path, nil) else {
            if isNothing(errno) { return nil }
            throw .system(errno, at: location, "look up")
        }
        defer { free(real) }
        return String(cString: real)
    }

    private static func isLink(_ path: String, _ location: String) throws(StoreError) -> Bool {
        var byte: CChar = 0
        if readlink(path, &byte, 1) >= 0 { return true }
        if errno == EINVAL || isNothing(errno) { return false }
        throw .system(errno, at: location, "look up")
    }

    /// Whether no file can be reached by such a path.
    private static func isNothing(_ number: Int32) -> Bool { [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG].contains(number) }
}
