import Foundation
import Glibc
import K2ObjectStore
import Testing

struct LocalStoreTests {
    @Test func `a leftover of a killed writer is never visible`() throws {
        let (store, prefix, cleanUp) = try StoreUnderTest.local("")
        defer { cleanUp() }
        try store.put([1], to: prefix + "x")
        let writer = try store.openWriter(prefix + "y.parquet")
        try writer.write([1, 2, 3])
        let names = try FileManager.default.contentsOfDirectory(atPath: prefix).sorted()
        #expect(names.count == 2 && names[0].hasPrefix(".y.parquet.") && names[0].hasSuffix(".tmp") && names[1] == "x")
        #expect(try store.list(prefix: prefix).map(\.location) == [prefix + "x"])
        writer.abort()
        #expect(try FileManager.default.contentsOfDirectory(atPath: prefix) == ["x"])
    }

    @Test func `errors name the place and the system's reason`() throws {
        let (store, prefix, cleanUp) = try StoreUnderTest.local("file://")
        defer { cleanUp() }
        let missing = #expect(throws: StoreError.self) { _ = try store.get(prefix + "no") }
        #expect(missing?.description == "\(prefix)no: open: no such file or directory")
        try store.put([1], to: prefix + "file")
        let below = #expect(throws: StoreError.self) { try store.put([1], to: prefix + "file/x") }
        #expect(below?.description == "\(prefix)file/x: create: not a directory")
        let folder = #expect(throws: StoreError.self) { try store.put([1], to: String(prefix.dropLast())) }
        #expect(folder?.reason == "is a folder")
        #expect(#expect(throws: StoreError.self) { _ = try store.get(String(prefix.dropLast())) }?.code == .invalidLocation)
    }

    @Test(arguments: ["s3://bucket/key", "http://host/x", "file:relative", "file://host/x", "", "a\u{0}b", "file:///folder/", "/tmp/.x.tmp"])
    func `what is no local file is refused`(_ location: String) throws {
        let error = #expect(throws: StoreError.self) { try LocalStore().put([1], to: location) }
        #expect(error?.code == .invalidLocation)
    }

    @Test func `a folder that cannot be made is named`() throws {
        let error = #expect(throws: StoreError.self) { try LocalStore().put([1], to: "/proc/k2/x") }
        #expect(error?.description.hasPrefix("/proc/k2/x: create folder: ") == true)
    }

    @Test(.enabled(if: TinyDisk.canMount, "needs to mount a small file system")) func `a full disk is told and leaves nothing`() throws {
        let disk = try TinyDisk()
        let store = LocalStore()
        try store.put([1], to: disk.folder + "/before")
        let error = #expect(throws: StoreError.self) { try store.put([UInt8](repeating: 1, count: 200_000), to: disk.folder + "/big") }
        #expect(error?.description == "\(disk.folder)/big: write: no space left on device")
        #expect(error?.code == .noSpace)
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.folder) == ["before"])
    }

    @Test(arguments: [("/a/b", "/a/b"), ("file:///a/b", "/a/b"), ("file:/a/b", "/a/b"), ("file://localhost/a", "/a"), ("a/b", "a/b"), ("file:///a%20b", "/a%20b")])
    func `locations name paths`(_ location: String, _ path: String) throws {
        #expect(try StoreLocation.localPath(location) == path)
    }

    @Test func `names and joins`() {
        #expect(StoreLocation.name("s3://b/k/x.avro") == "x.avro" && StoreLocation.name("x") == "x")
        #expect(StoreLocation.join("file:///a/", "b") == "file:///a/b" && StoreLocation.join("/a", "b") == "/a/b")
        #expect(StoreLocation.scheme("S3://b") == "s3" && StoreLocation.scheme("/a:b") == nil)
    }

    @Test func `what a killed writer leaves is shown by itself, and nothing else can be removed as such`() throws {
        let (store, prefix, cleanUp) = try StoreUnderTest.local("file://")
        defer { cleanUp() }
        try store.put([1], to: prefix + "a/x")
        let left = prefix + "a/.y.parquet.4711-1.tmp"
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: String(left.dropFirst("file://".count))))
        #expect(try store.list(prefix: prefix).map(\.location) == [prefix + "a/x"])
        let found = try store.unfinished(prefix: prefix)
        #expect(found.map(\.location) == [left] && found[0].size == 3)
        #expect(throws: StoreError.self) { try store.removeUnfinished(try store.list(prefix: prefix)[0]) }
        try store.removeUnfinished(found[0])
        #expect(try store.unfinished(prefix: prefix).isEmpty && store.exists(prefix + "a/x"))
        #expect(try MemoryStore().unfinished(prefix: "").isEmpty)
    }

    @Test func `folders without objects go, and those with one stay`() throws {
        let (store, prefix, cleanUp) = try StoreUnderTest.local("file://")
        defer { cleanUp() }
        for name in ["a/b/c/x", "a/b/y", "a/d/e/z"] { try store.put([1], to: prefix + name) }
        try store.delete(prefix + "a/b/c/x")
        try store.delete(prefix + "a/d/e/z")
        func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: String((prefix + name).dropFirst("file://".count))) }
        store.removeEmptyFolders(prefix + "a/")
        #expect(!isThere("a/b/c") && !isThere("a/d") && isThere("a/b/y"))
        try store.delete(prefix + "a/b/y")
        store.removeEmptyFolders(prefix + "a")
        #expect(!isThere("a"))
        store.removeEmptyFolders(prefix + "a")
    }
}

/// A file system of 64 KB, for where this process may mount one.
final class TinyDisk {
    let folder: String

    static let canMount: Bool = (try? TinyDisk()) != nil

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("k2-disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if mount("tmpfs", folder, "tmpfs", 0, "size=64k") != 0 {
            let reason = errno
            try? FileManager.default.removeItem(atPath: folder)
            throw POSIXError(POSIXErrorCode(rawValue: reason) ?? .EPERM)
        }
    }

    deinit {
        umount(folder)
        try? FileManager.default.removeItem(atPath: folder)
    }
}
