import Foundation
import K2ObjectStore
import K2TestSupport
import Testing

/// What every store must do. A store under test comes with a prefix of its own.
struct StoreUnderTest: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var make: @Sendable () throws -> (store: any ObjectStore, prefix: String, cleanUp: () -> Void)

    static let all: [StoreUnderTest] = own + (TestObjectStore.isAvailable ? [s3] : [])

    private static let own: [StoreUnderTest] = [
        StoreUnderTest(testDescription: "memory") { (MemoryStore(), "memory/", {}) },
        StoreUnderTest(testDescription: "local, plain paths") { try local("") },
        StoreUnderTest(testDescription: "local, file:///") { try local("file://") },
        StoreUnderTest(testDescription: "local, file:/") { try local("file:") },
    ]

    /// Each time with a prefix of its own; what is put there goes with the server.
    private static let s3 = StoreUnderTest(testDescription: "S3") {
        let server = try TestObjectStore.shared()
        return (try server.store(), "s3://\(server.bucket)/contract-\(UUID().uuidString)/", {})
    }

    static func local(_ scheme: String) throws -> (any ObjectStore, String, () -> Void) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("k2-store-\(UUID().uuidString)").path
        return (LocalStore(), scheme + folder + "/", { try? FileManager.default.removeItem(atPath: folder) })
    }
}

@Suite struct ObjectStoreContract {
    private func expect(_ code: StoreError.Code, _ body: () throws -> Void) {
        let error = #expect(throws: StoreError.self) { try body() }
        #expect(error?.code == code)
    }

    @Test(arguments: StoreUnderTest.all) func `what was put is got, whole and in parts`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        let place = prefix + "a/b/c.bin"
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try store.put(bytes, to: place)
        #expect(try store.get(place) == bytes)
        #expect(try store.size(place) == 100_000)
        #expect(try store.get(place, range: 10..<20) == Array(bytes[10..<20]))
        #expect(try store.get(place, range: 99_999..<100_000) == [bytes[99_999]])
        #expect(try store.get(place, range: 5..<5) == [])
        expect(.invalidRange) { _ = try store.get(place, range: 99_999..<100_001) }
        expect(.invalidRange) { _ = try store.get(place, range: -1..<2) }
        try store.put([1], to: place)
        #expect(try store.get(place) == [1], "put replaces")
        try store.put([], to: prefix + "empty")
        #expect(try store.get(prefix + "empty") == [])
    }

    @Test(arguments: StoreUnderTest.all) func `what is not there is not found`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        expect(.notFound) { _ = try store.get(prefix + "no") }
        expect(.notFound) { _ = try store.size(prefix + "no") }
        expect(.notFound) { _ = try store.get(prefix + "no", range: 0..<1) }
        #expect(try !store.exists(prefix + "no"))
        #expect(try !store.delete(prefix + "no"))
        #expect(try store.list(prefix: prefix).isEmpty)
    }

    @Test(arguments: StoreUnderTest.all) func `put-if-absent is won once`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        try #require(store.capabilities.atomicPutIfAbsent)
        try store.putIfAbsent([1], to: prefix + "x")
        expect(.alreadyExists) { try store.putIfAbsent([2], to: prefix + "x") }
        #expect(try store.get(prefix + "x") == [1])
        let wins = Counter()
        DispatchQueue.concurrentPerform(iterations: 8) { number in
            if (try? store.putIfAbsent([UInt8(number)], to: prefix + "race")) != nil { wins.add() }
        }
        #expect(wins.value == 1)
        #expect(try store.list(prefix: prefix).count == 2)
    }

    @Test(arguments: StoreUnderTest.all) func `a streamed object appears when it is closed`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        let writer = try store.openWriter(prefix + "s")
        try writer.write([1, 2])
        try writer.write([3])
        #expect(writer.count == 3)
        #expect(try !store.exists(prefix + "s") && store.list(prefix: prefix).isEmpty)
        try writer.close()
        #expect(try store.get(prefix + "s") == [1, 2, 3])
        writer.abort()
        #expect(try store.exists(prefix + "s"), "abort after close is harmless")
        expect(.inputOutput) { try writer.write([4]) }
    }

    @Test(arguments: StoreUnderTest.all) func `an aborted or forgotten writer leaves nothing`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        let aborted = try store.openWriter(prefix + "a")
        try aborted.write([1])
        aborted.abort()
        do {
            let forgotten = try store.openWriter(prefix + "b")
            try forgotten.write([1])
        }
        #expect(try store.list(prefix: prefix).isEmpty)
        #expect(try !store.exists(prefix + "a") && !store.exists(prefix + "b"))
    }

    @Test(arguments: StoreUnderTest.all) func `a copy is an object of its own`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let (source, target) = (prefix + "a/b c+é=%41.bin", prefix + "d/e/f.bin")
        try store.put(bytes, to: source)
        try store.put([1], to: target)
        try store.copy(source, to: target)
        #expect(try store.get(target) == bytes && store.get(source) == bytes, "it replaces")
        try store.copy(source, to: target)
        #expect(try store.list(prefix: prefix).map(\.location) == [source, target], "twice is as once, and nothing is left over")
        try store.put([2], to: source)
        #expect(try store.get(target) == bytes)
        try store.copy(source, to: target)
        #expect(try store.delete(source) && store.get(target) == [2])
        expect(.notFound) { try store.copy(prefix + "no", to: target) }
        #expect(try store.get(target) == [2])
        expect(.invalidLocation) { try store.copy(target, to: target) }
        try store.put([], to: source)
        try store.copy(source, to: target)
        #expect(try store.get(target) == [])
    }

    @Test(arguments: StoreUnderTest.all) func `a walk meets what a listing has`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        for name in ["a/1", "a/2/3", "ab", "b"] { try store.put(Array(name.utf8), to: prefix + name) }
        for part in ["", "a", "a/", "b", "none/"] {
            var met: [StoredObject] = []
            try store.walk(prefix: prefix + part) { met.append($0) }
            #expect(try met.sorted { $0.location < $1.location } == store.list(prefix: prefix + part))
        }
        struct Enough: Error {}
        var count = 0
        #expect(throws: Enough.self) {
            try store.walk(prefix: prefix) { _ in
                count += 1
                throw Enough()
            }
        }
        #expect(count == 1)
    }

    @Test(arguments: StoreUnderTest.all) func `many are deleted at once`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        for name in ["a", "b/c", "d"] { try store.put([1], to: prefix + name) }
        let failures = store.delete(["a", "b/c", "no"].map { prefix + $0 } + ["ftp:no store has this"])
        #expect(failures.allSatisfy { $0.location == "ftp:no store has this" })
        #expect(try store.list(prefix: prefix).map(\.location) == [prefix + "d"])
        #expect(store.delete([]).isEmpty)
    }

    @Test(arguments: StoreUnderTest.all) func `a listing is by prefix, sorted and complete`(_ item: StoreUnderTest) throws {
        let (store, prefix, cleanUp) = try item.make()
        defer { cleanUp() }
        for name in ["d/2", "d/1", "d/e/3", "dd", "c"] { try store.put([1, 2], to: prefix + name) }
        #expect(try store.list(prefix: prefix + "d/").map(\.location) == ["d/1", "d/2", "d/e/3"].map { prefix + $0 })
        #expect(try store.list(prefix: prefix + "d").map(\.location) == ["d/1", "d/2", "d/e/3", "dd"].map { prefix + $0 })
        #expect(try store.list(prefix: prefix + "d/e").map(\.size) == [2])
        #expect(try store.delete(prefix + "d/1"))
        #expect(try store.list(prefix: prefix).count == 4)
    }
}

final class Counter: @unchecked Sendable {
    // Guarded by the lock.
    private var count = 0
    private let lock = NSLock()
    func add() { lock.withLock { count += 1 } }
    var value: Int { lock.withLock { count } }
}
