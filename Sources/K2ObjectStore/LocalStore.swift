import Glibc
import Synchronization

/// Objects as files. An object is written under a hidden name in its own folder, synced, then
/// renamed (or linked, for `putIfAbsent`), and the folder synced: no reader ever sees a part.
///
/// Hidden names begin with `.` and end with `.tmp`; after a `kill -9` they may stay behind, and no
/// operation of this store shows them.
public struct LocalStore: ObjectStore {
    /// False leaves out the fsync calls, for data that may be lost in a power cut (tests, demos).
    public let durable: Bool

    public init(durable: Bool = true) { self.durable = durable }

    public var capabilities: StoreCapabilities {
        StoreCapabilities(atomicPutIfAbsent: true, durablePut: durable, consistentListing: true, isLocal: true)
    }

    public func get(_ location: String) throws(StoreError) -> [UInt8] {
        let file = try openForReading(location)
        return try file.readAll(count: try file.fileSize(), from: 0)
    }

    public func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8] {
        let file = try openForReading(location)
        let size = Int64(try file.fileSize())
        guard range.lowerBound >= 0, range.upperBound <= size else {
            throw StoreError(.invalidRange, at: location, "range \(range.lowerBound)..<\(range.upperBound) of an object of \(size) bytes")
        }
        return try file.readAll(count: range.count, from: range.lowerBound)
    }

    public func size(_ location: String) throws(StoreError) -> Int64 {
        let file = try openForReading(location)
        return Int64(try file.fileSize())
    }

    public func put(_ bytes: [UInt8], to location: String) throws(StoreError) {
        let writer = try LocalWriter(location, durable: durable)
        try writer.write(bytes.span)
        try writer.close()
    }

    public func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError) {
        let writer = try LocalWriter(location, durable: durable)
        try writer.write(bytes.span)
        try writer.close(onlyIfAbsent: true)
    }

    public func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter {
        try LocalWriter(location, durable: durable)
    }

    public func delete(_ location: String) throws(StoreError) -> Bool {
        let path = try StoreLocation.localPath(location)
        if unlink(path) == 0 { return true }
        if errno == ENOENT { return false }
        throw .system(errno, at: location, "delete")
    }

    private func openForReading(_ location: String) throws(StoreError) -> Descriptor {
        let path = try StoreLocation.localPath(location)
        return try Descriptor(opening: path, flags: O_RDONLY, for: location, "open")
    }

    public func list(prefix: String) throws(StoreError) -> [StoredObject] {
        let path = try StoreLocation.localPath(prefix)
        let spelling = prefix.dropLast(path.count)
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        var found: [StoredObject] = []
        try walk(folder, matching: path, into: &found)
        for index in found.indices { found[index].location = spelling + found[index].location }
        return found.sorted { $0.location.utf8.lexicographicallyPrecedes($1.location.utf8) }
    }

    /// Adds the files below `folder` ("" or ending in "/") whose path begins with `prefix`.
    private func walk(_ folder: String, matching prefix: String, into found: inout [StoredObject]) throws(StoreError) {
        guard let stream = opendir(folder.isEmpty ? "." : folder) else {
            if errno == ENOENT || errno == ENOTDIR { return }
            throw .system(errno, at: folder, "list")
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." || LocalWriter.isHidden(name) { continue }
            let path = folder + name
            var status = stat()
            // A file that went away between the two calls is not listed.
            guard lstat(path, &status) == 0 else { continue }
            // Links to files count as files; links to folders are not followed, they may run in circles.
            if status.st_mode & S_IFMT == S_IFLNK, stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFDIR { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                let below = path + "/"
                if below.hasPrefix(prefix) || prefix.hasPrefix(below) { try walk(below, matching: prefix, into: &found) }
            } else if status.st_mode & S_IFMT == S_IFREG, path.hasPrefix(prefix) {
                let modified = Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1_000
                found.append(StoredObject(location: path, size: Int64(status.st_size), modifiedMicroseconds: modified))
            }
        }
    }
}

/// One file being written under its hidden name.
final class LocalWriter: ObjectWriter {
    let location: String
    private(set) var count: Int64 = 0
    private let path: String
    private let folder: String
    private let hiddenPath: String
    private let durable: Bool
    private var file: Descriptor?

    private static let sequence = Atomic<Int>(0)

    static func isHidden(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(".tmp") }

    init(_ location: String, durable: Bool) throws(StoreError) {
        self.location = location
        self.durable = durable
        path = try StoreLocation.localPath(location)
        let name = StoreLocation.name(path)
        guard !name.isEmpty, name != ".", name != "..", !Self.isHidden(name) else {
            throw StoreError(.invalidLocation, at: location, "not a file name")
        }
        folder = String(path.dropLast(name.count))
        let number = Self.sequence.wrappingAdd(1, ordering: .relaxed).newValue
        // The process id keeps two writers apart, O_EXCL catches a leftover of an earlier process of the same number.
        let tail = ".\(getpid())-\(number).tmp"
        hiddenPath = folder + "." + String(decoding: name.utf8.prefix(254 - tail.utf8.count), as: UTF8.self) + tail
        try Self.makeFolders(folder, durable: durable, for: location)
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw StoreError(.invalidLocation, at: location, "is a folder")
        }
        unlink(hiddenPath)
        file = try Descriptor(opening: hiddenPath, flags: O_WRONLY | O_CREAT | O_EXCL, for: location, "create")
    }

    deinit { abort() }

    func write(_ bytes: Span<UInt8>) throws(StoreError) {
        guard file != nil else { throw StoreError(.inputOutput, at: location, "write: writer is closed") }
        try file!.writeAll(bytes)
        count += Int64(bytes.count)
    }

    func close() throws(StoreError) { try close(onlyIfAbsent: false) }

    func close(onlyIfAbsent: Bool) throws(StoreError) {
        guard file != nil else { throw StoreError(.inputOutput, at: location, "close: writer is closed") }
        do throws(StoreError) {
            if durable { try file!.sync() }
            try file!.close()
            try publish(onlyIfAbsent: onlyIfAbsent)
        } catch {
            abort()
            throw error
        }
        file = nil
        if durable { try Self.syncFolder(folder, for: location) }
    }

    private func publish(onlyIfAbsent: Bool) throws(StoreError) {
        if onlyIfAbsent {
            guard link(hiddenPath, path) == 0 else { throw .system(errno, at: location, "create") }
            unlink(hiddenPath)
        } else {
            guard rename(hiddenPath, path) == 0 else { throw .system(errno, at: location, "rename") }
        }
    }

    func abort() {
        guard file != nil else { return }
        file = nil
        unlink(hiddenPath)
    }

    /// Makes `folder` and what is missing above it; a new folder's entry is synced in its parent.
    private static func makeFolders(_ folder: String, durable: Bool, for location: String) throws(StoreError) {
        if folder.isEmpty { return }
        var status = stat()
        if stat(folder, &status) == 0 { return }
        let bare = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        if bare.isEmpty { return }
        let parent = bare.lastIndex(of: "/").map { String(bare[...$0]) } ?? ""
        try makeFolders(parent, durable: durable, for: location)
        if mkdir(bare, 0o755) != 0, errno != EEXIST { throw .system(errno, at: location, "create folder") }
        if durable { try syncFolder(parent, for: location) }
    }

    private static func syncFolder(_ folder: String, for location: String) throws(StoreError) {
        let handle = try Descriptor(opening: folder.isEmpty ? "." : folder, flags: O_RDONLY | O_DIRECTORY, for: location, "open folder")
        try handle.sync()
    }
}
