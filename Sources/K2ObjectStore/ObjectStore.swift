/// Named immutable objects: the contract that table files are kept under.
///
/// An object becomes visible under its name completely or not at all, and stays as it was put. A
/// location is text that the store understands (`/path`, `file:///path`, `s3://bucket/key`); every
/// operation takes whole locations, so the ones recorded in foreign metadata work unchanged.
public protocol ObjectStore: Sendable {
    var capabilities: StoreCapabilities { get }

    /// The whole object.
    /// - Throws: `notFound` when there is none.
    func get(_ location: String) throws(StoreError) -> [UInt8]

    /// The bytes in `range`, which must lie inside the object.
    func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8]

    /// Size in bytes.
    func size(_ location: String) throws(StoreError) -> Int64

    /// Stores `bytes`, replacing what was there.
    func put(_ bytes: [UInt8], to location: String) throws(StoreError)

    /// Stores `bytes` only where nothing is yet, decided by the store in one step.
    /// - Throws: `alreadyExists` when something is.
    func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError)

    /// Begins an object that is written piece by piece and appears when the writer is closed.
    func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter

    /// All objects whose location begins with `prefix`, sorted by location. Objects that are being
    /// written are not among them.
    func list(prefix: String) throws(StoreError) -> [StoredObject]

    /// Hands out what `list` would, as it is found and in no certain order, for listings that are too long to be held.
    ///
    /// - Throws: what `body` throws, and `StoreError`: then not everything was handed out.
    func walk(prefix: String, _ body: (StoredObject) throws -> Void) throws

    /// Stores a copy of an object under another name, replacing what was there. Doing it twice comes to the same.
    /// - Throws: `notFound` when there is no such object.
    func copy(_ location: String, to target: String) throws(StoreError)

    /// What writers that were killed left below `prefix`: no objects, but they take room. Those that are being written are among them.
    func unfinished(prefix: String) throws(StoreError) -> [StoredObject]

    /// Removes one of these. A writer that is still at it fails then.
    func removeUnfinished(_ write: StoredObject) throws(StoreError)

    /// Removes a folder, with those below it, where no object lies in any of them and the store has folders at all. Nothing depends on it, so failing to
    /// is no error.
    func removeEmptyFolders(_ folder: String)

    /// Removes the object; false when there was none.
    @discardableResult
    func delete(_ location: String) throws(StoreError) -> Bool

    /// Removes all these objects, going on after failures; what is not there already is well.
    /// - Returns: an error for each object that is still there, or may be; empty when all are gone.
    func delete(_ locations: [String]) -> [StoreError]
}

extension ObjectStore {
    /// All at once.
    public func walk(prefix: String, _ body: (StoredObject) throws -> Void) throws { for object in try list(prefix: prefix) { try body(object) } }

    /// A store that leaves none, or cleans up by itself.
    public func unfinished(prefix: String) throws(StoreError) -> [StoredObject] { [] }

    public func removeUnfinished(_ write: StoredObject) throws(StoreError) {}

    /// A store without folders.
    public func removeEmptyFolders(_ folder: String) {}

    /// Through this process, piece by piece.
    public func copy(_ location: String, to target: String) throws(StoreError) { try copyPiecewise(location, to: target) }

    func copyPiecewise(_ location: String, to target: String) throws(StoreError) {
        if location == target { throw StoreError(.invalidLocation, at: target, "copy: onto itself") }
        let size = try size(location)
        let writer = try openWriter(target)
        var done: Int64 = 0
        while done < size {
            let end = min(done + Self.copiedAtOnce, size)
            try writer.write(try get(location, range: done..<end))
            done = end
        }
        try writer.close()
    }

    /// Bytes.
    private static var copiedAtOnce: Int64 { 8 << 20 }

    /// One after the other.
    public func delete(_ locations: [String]) -> [StoreError] {
        locations.compactMap { location in
            do throws(StoreError) { try delete(location) } catch { return error }
            return nil
        }
    }

    public func exists(_ location: String) throws(StoreError) -> Bool {
        do throws(StoreError) {
            _ = try size(location)
            return true
        } catch {
            if error.code == .notFound { return false }
            throw error
        }
    }
}

/// One object in a listing.
public struct StoredObject: Equatable, Sendable {
    /// Spelled as the prefix was: a listing of `file:///a` yields `file:///a/…`.
    public var location: String
    public var size: Int64
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var modifiedMicroseconds: Int64

    public init(location: String, size: Int64, modifiedMicroseconds: Int64) {
        self.location = location
        self.size = size
        self.modifiedMicroseconds = modifiedMicroseconds
    }
}

/// What a store can do beyond the plain operations.
public struct StoreCapabilities: Equatable, Sendable {
    /// `putIfAbsent` is decided by the store. Without it, two writers may both believe they were first.
    public var atomicPutIfAbsent: Bool
    /// A `put` that returned survives a power cut.
    public var durablePut: Bool
    /// A listing shows every object that was put before it began.
    public var consistentListing: Bool
    /// A read of a few bytes costs no way over a network: objects need not be fetched whole before many parts of them are read.
    public var isLocal: Bool

    public init(atomicPutIfAbsent: Bool, durablePut: Bool, consistentListing: Bool, isLocal: Bool = false) {
        self.atomicPutIfAbsent = atomicPutIfAbsent
        self.durablePut = durablePut
        self.consistentListing = consistentListing
        self.isLocal = isLocal
    }
}

/// An object being written. Nothing is visible until `close` returns; a writer that goes away without it leaves nothing.
public protocol ObjectWriter: AnyObject {
    var location: String { get }
    /// Bytes taken so far.
    var count: Int64 { get }
    func write(_ bytes: Span<UInt8>) throws(StoreError)
    /// Makes the object durable and visible. No other call may follow.
    func close() throws(StoreError)
    /// Drops what was written. Harmless after `close`.
    func abort()
}

extension ObjectWriter {
    public func write(_ bytes: [UInt8]) throws(StoreError) { try write(bytes.span) }
}
