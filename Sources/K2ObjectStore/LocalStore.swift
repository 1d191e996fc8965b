import Glibc
import Synchronization

/// Objects as files. An object is written under a hidden name in its own folder, synced, then
/// renamed (or linked, for `putIfAbsent`), and the folder synced: no reader ever sees a part.
///
/// Hidden names begin with `.` and end with `.tmp`; after a `kill -9` they may stay behind, and only
/// `unfinished` shows them.
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

    /// A second name for the same file where that is possible: objects are never written to once they are there.
    public func copy(_ location: String, to target: String) throws(StoreError) {
        let source = try StoreLocation.localPath(location)
        if source == (try StoreLocation.localPath(target)) { throw StoreError(.invalidLocation, at: target, "copy: onto itself") }
        let writer = try LocalWriter(target, durable: durable)
        if try writer.becomeLink(to: source, at: location) { return }
        writer.abort()
        try copyPiecewise(location, to: target)
    }

    public func list(prefix: String) throws(StoreError) -> [StoredObject] {
        var found: [StoredObject] = []
        do { try walk(prefix: prefix) { found.append($0) } } catch {
            throw error as? StoreError ?? StoreError(.inputOutput, at: prefix, "list: \(error)")
        }
        return found.sorted { $0.location.utf8.lexicographicallyPrecedes($1.location.utf8) }
    }

    public func unfinished(prefix: String) throws(StoreError) -> [StoredObject] {
        var found: [StoredObject] = []
        do { try walk(prefix: prefix, hidden: true) { found.append($0) } } catch {
            throw error as? StoreError ?? StoreError(.inputOutput, at: prefix, "list: \(error)")
        }
        return found
    }

    public func removeUnfinished(_ write: StoredObject) throws(StoreError) {
        guard LocalWriter.isHidden(StoreLocation.name(write.location)) else { throw StoreError(.invalidLocation, at: write.location, "not an unfinished write") }
        _ = try delete(write.location)
    }

    public func removeEmptyFolders(_ folder: String) {
        guard let path = try? StoreLocation.localPath(folder) else { return }
        Self.removeEmptyFolders(path.hasSuffix("/") ? path : path + "/")
    }

    private static func removeEmptyFolders(_ folder: String) {
        guard let stream = opendir(folder) else { return }
        var below: [String] = []
        while let entry = readdir(stream) {
            let name = name(of: entry)
            var status = stat()
            if name != ".", name != "..", lstat(folder + name, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { below.append(folder + name + "/") }
        }
        closedir(stream)
        for inner in below { removeEmptyFolders(inner) }
        rmdir(folder)
    }

    private static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
    }

    public func walk(prefix: String, _ body: (StoredObject) throws -> Void) throws { try walk(prefix: prefix, hidden: false, body) }

    private func walk(prefix: String, hidden: Bool, _ body: (StoredObject) throws -> Void) throws {
        let path = try StoreLocation.localPath(prefix)
        let spelling = prefix.dropLast(path.count)
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        try walk(folder, matching: path, hidden: hidden) { object in
            var object = object
            object.location = spelling + object.location
            try body(object)
        }
    }

    /// Hands out the files below `folder` ("" or ending in "/") whose path begins with `prefix`.
    private func walk(_ folder: String, matching prefix: String, hidden: Bool, _ body: (StoredObject) throws -> Void) throws {
        guard let stream = opendir(folder.isEmpty ? "." : folder) else {
            if errno == ENOENT || errno == ENOTDIR { return }
            throw StoreError.system(errno, at: folder, "list")
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = Self.name(of: entry)
            if name == "." || name == ".." { continue }
            let path = folder + name
            var status = stat()
            // A file that went away between the two calls is not listed.
            guard lstat(path, &status) == 0 else { continue }
            // Links to files count as files; links to folders are not followed, they may run in circles.
            if status.st_mode & S_IFMT == S_IFLNK, stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFDIR { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                let below = path + "/"
                if below.utf8.starts(with: prefix.utf8) || prefix.utf8.starts(with: below.utf8) { try walk(below, matching: prefix, hidden: hidden, body) }
            } else if status.st_mode & S_IFMT == S_IFREG, path.utf8.starts(with: prefix.utf8), LocalWriter.isHidden(name) == hidden {
                let modified = Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1_000
                try body(StoredObject(location: path, size: Int64(status.st_size), modifiedMicroseconds: modified))
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
    /// Bytes that are not in the file yet.
    private var waiting: [UInt8] = []
    private static let gathered = 64 << 10

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

    /// Small pieces are gathered.
    func write(_ bytes: Span<UInt8>) throws(StoreError) {
        guard file != nil else { throw StoreError(.inputOutput, at: location, "write: writer is closed") }
        count += Int64(bytes.count)
        if waiting.count + bytes.count > Self.gathered { try flush() }
        if bytes.count > Self.gathered { return try file!.writeAll(bytes) }
        bytes.withUnsafeBytes { waiting.append(contentsOf: $0) }
    }

    private func flush() throws(StoreError) {
        if waiting.isEmpty { return }
        let bytes = waiting
        try file!.writeAll(bytes.span)
        waiting.removeAll(keepingCapacity: true)
    }

    func close() throws(StoreError) { try close(onlyIfAbsent: false) }

    func close(onlyIfAbsent: Bool) throws(StoreError) {
        guard file != nil else { throw StoreError(.inputOutput, at: location, "close: writer is closed") }
        do throws(StoreError) {
            try flush()
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

    /// Makes the object another name of the file at `source`. False when the file system cannot do that.
    func becomeLink(to source: String, at location: String) throws(StoreError) -> Bool {
        guard file != nil else { throw StoreError(.inputOutput, at: location, "copy: writer is closed") }
        unlink(hiddenPath)
        if link(source, hiddenPath) != 0 {
            let number = errno
            if number == ENOENT || number == EACCES || number == ENOTDIR { throw .system(number, at: location, "copy") }
            return false
        }
        guard rename(hiddenPath, path) == 0 else {
            let number = errno
            abort()
            throw .system(number, at: self.location, "rename")
        }
        // Nothing is renamed onto another name of the same file.
        unlink(hiddenPath)
        file = nil
        if durable { try Self.syncFolder(folder, for: self.location) }
        return true
    }

    func abort() {
        waiting.removeAll()
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
