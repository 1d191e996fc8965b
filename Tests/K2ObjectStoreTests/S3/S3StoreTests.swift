import Foundation
import K2HTTP
import K2TestSupport
import Testing

@testable import K2ObjectStore

/// The store against a real server. What every store must do stands in `ObjectStoreContract`.
@Suite(.enabled(if: TestObjectStore.isAvailable, "needs SeaweedFS: K2_TEST_PYTHON of an environment with Tests/Foreign/requirements.txt"))
struct S3StoreTests {
    private let server: TestObjectStore
    private let store: S3Store
    private let prefix: String

    init() throws {
        server = try TestObjectStore.shared()
        store = try server.store()
        prefix = "s3://\(server.bucket)/store-\(UUID().uuidString)/"
    }

    /// No backslash: SeaweedFS takes it for a slash.
    static let oddNames = [
        "space in it", "plus+plus", "percent%41%", "a&b=c?d#e", "umlaut-ü-日本-😀", "tilde~(!*')", "quote\"<x>", "semi;colon:at@$,",
        "equals=1/day=2026-02-18/x", "%2F%2f", "a//b", "e\u{301} is not \u{e9}", "...", "nl\nin it", "control\u{1}",
    ]

    @Test(arguments: oddNames) func `odd keys are kept as they are`(_ name: String) throws {
        let place = prefix + name
        let bytes = Array(name.utf8)
        try store.put(bytes, to: place)
        #expect(try store.get(place) == bytes)
        #expect(try store.size(place) == bytes.count)
        #expect(try store.list(prefix: place).map(\.location) == [place])
        #expect(try store.delete(place) && !store.exists(place))
    }

    @Test func `odd keys are deleted in a batch`() throws {
        let places = Self.oddNames.map { prefix + $0 }
        for place in places { try store.put([1], to: place) }
        #expect(try store.list(prefix: prefix).count == places.count)
        #expect(store.delete(places).isEmpty)
        #expect(try store.list(prefix: prefix).isEmpty)
    }

    @Test func `the schemes of Hadoop name the same objects and stay in listings`() throws {
        let bare = prefix.dropFirst("s3".count)
        try store.put([1, 2], to: "s3a\(bare)x")
        #expect(try store.get("s3n\(bare)x") == [1, 2] && store.get("s3\(bare)x") == [1, 2])
        #expect(try store.list(prefix: "s3a\(bare)").map(\.location) == ["s3a\(bare)x"])
    }

    @Test(arguments: [0, 1, 5 << 20, (5 << 20) + 1, (10 << 20) + 3]) func `objects of several parts`(_ size: Int) throws {
        let store = try server.store { $0.partBytes = 5 << 20 }
        let bytes = Array(TestBytes.threeParts.prefix(size))
        let writer = try store.openWriter(prefix + "big")
        for start in stride(from: 0, to: size, by: 700_001) { try writer.write(Array(bytes[start..<min(start + 700_001, size)])) }
        #expect(writer.count == size)
        #expect(try !store.exists(prefix + "big"))
        try writer.close()
        #expect(try store.size(prefix + "big") == size)
        #expect(try store.get(prefix + "big") == bytes)
        if size > 100 { #expect(try store.get(prefix + "big", range: Int64(size - 100)..<Int64(size)) == Array(bytes[(size - 100)...])) }
        #expect(throws: StoreError.self) { try writer.close() }
    }

    @Test func `a large object that is dropped leaves no parts`() throws {
        let store = try server.store { $0.partBytes = 5 << 20 }
        let part = [UInt8](repeating: 1, count: 6 << 20)
        let aborted = try store.openWriter(prefix + "a")
        try aborted.write(part)
        #expect(try uploads(store) == 1)
        aborted.abort()
        #expect(try uploads(store) == 0)
        do {
            let forgotten = try store.openWriter(prefix + "b")
            try forgotten.write(part)
            #expect(try uploads(store) == 1)
        }
        #expect(try uploads(store) == 0 && store.list(prefix: prefix).isEmpty)
    }

    /// Uploads below the prefix that are not finished.
    private func uploads(_ store: S3Store) throws -> Int {
        let place = try S3Location(prefix: prefix)
        let answer = try store.client.send(
            S3Request("GET", S3Location(bucket: place.bucket), query: [("uploads", ""), ("prefix", place.key)]), at: prefix, "uploads")
        return try XMLParser.parse(answer.body).all("Upload").filter { $0["Key"]?.text.hasPrefix(place.key) == true }.count
    }

    /// curl takes every name below `localhost` for this machine.
    @Test func `buckets can be names of hosts`() throws {
        let port = try #require(server.s3.split(separator: ":").last)
        let hosts = try server.store(endpoint: "http://localhost:\(port)") { $0.usesPathStyle = false }
        #expect(try hosts.client.endpoint.target(S3Location(object: prefix + "x")).host == "\(server.bucket).localhost:\(port)")
        try hosts.put([1, 2], to: prefix + "a b/+")
        #expect(try store.get(prefix + "a b/+") == [1, 2])
        #expect(try hosts.list(prefix: prefix).map(\.location) == [prefix + "a b/+"])
        #expect(hosts.delete([prefix + "a b/+"]).isEmpty)
        #expect(try !store.exists(prefix + "a b/+"))
    }

    @Test func `2500 objects are listed over pages and deleted in batches`() throws {
        let names = (0..<2_500).map { "part=\($0 % 7)/\($0)" }
        let store = store
        let prefix = prefix
        let failures = Counter()
        DispatchQueue.concurrentPerform(iterations: 10) { lane in
            for index in stride(from: lane, to: names.count, by: 10) {
                do { try store.put(Array(names[index].utf8), to: prefix + names[index]) } catch { failures.add() }
            }
        }
        #expect(failures.value == 0)
        let listed = try store.list(prefix: prefix)
        #expect(listed.map(\.location) == names.map { prefix + $0 }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        #expect(listed.allSatisfy { $0.size == $0.location.utf8.count - prefix.utf8.count })
        #expect(listed.allSatisfy { abs($0.modifiedMicroseconds / 1_000_000 - Int64(Date().timeIntervalSince1970)) < 3_600 })
        #expect(try store.list(prefix: prefix + "part=3/1").count == names.filter { $0.hasPrefix("part=3/1") }.count)
        #expect(store.delete(names.map { prefix + $0 }).isEmpty)
        #expect(try store.list(prefix: prefix).isEmpty)
    }

    @Test func `one writer wins a race of many, each with bytes of its own`() throws {
        let place = prefix + "race"
        let store = store
        let winners = Winners()
        DispatchQueue.concurrentPerform(iterations: 16) { number in
            do throws(StoreError) {
                try store.putIfAbsent([UInt8(number)], to: place)
                winners.add(UInt8(number))
            } catch { if error.code != .alreadyExists { winners.add(255) } }
        }
        #expect(winners.all.count == 1)
        #expect(try store.get(place) == winners.all)
    }

    @Test func `refusals say what is wrong, without secrets`() throws {
        let place = prefix + "x"
        try store.put([1], to: place)
        let wrong = try server.store { $0.credentials.secretKey = "not-the-secret" }
        for work in [{ _ = try wrong.get(place) }, { _ = try wrong.size(place) }, { try wrong.put([1], to: place) }] as [() throws -> Void]
        {
            let error = try #require(#expect(throws: StoreError.self) { try work() })
            #expect(error.code == .permission && !error.isRetryable && error.location == place)
            #expect(error.reason.contains("SignatureDoesNotMatch") && error.reason.hasSuffix("(check the secret key)"))
            #expect(!error.description.contains("not-the-secret") && !error.description.contains("\n"))
        }
        let stranger = try server.store { $0.credentials.accessKey = "nobody" }
        let unknown = #expect(throws: StoreError.self) { try stranger.get(place) }
        #expect(unknown?.code == .permission && unknown?.reason.contains("InvalidAccessKeyId") == true)
    }

    @Test func `a missing object is named`() throws {
        let error = #expect(throws: StoreError.self) { try store.get(prefix + "no") }
        #expect(error?.description == "\(prefix)no: get: NoSuchKey: the specified key does not exist")
        #expect(#expect(throws: StoreError.self) { try store.size(prefix + "no") }?.description == "\(prefix)no: size: status 404")
    }

    @Test func `connections are kept and shared by threads`() throws {
        let place = prefix + "shared"
        try store.put([7], to: place)
        let store = store
        let good = Counter()
        DispatchQueue.concurrentPerform(iterations: 12) { _ in
            for _ in 0..<20 where (try? store.get(place)) == [7] { good.add() }
        }
        #expect(good.value == 240)
    }
}

private final class Winners: @unchecked Sendable {
    // Guarded by the lock.
    private var numbers: [UInt8] = []
    private let lock = NSLock()
    func add(_ number: UInt8) { lock.withLock { numbers.append(number) } }
    var all: [UInt8] { lock.withLock { numbers } }
}
