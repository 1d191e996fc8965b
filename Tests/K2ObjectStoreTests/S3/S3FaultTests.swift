import Foundation
import K2HTTP
import K2TestSupport
import Testing

@testable import K2ObjectStore

/// The store against a real server that is lost sight of: before and after it did what it was asked.
@Suite(.enabled(if: TestObjectStore.isAvailable, "needs SeaweedFS: K2_TEST_PYTHON of an environment with Tests/Foreign/requirements.txt"))
struct S3FaultTests {
    private let real: S3Store
    private let server: FaultServer
    private let store: S3Store
    private let prefix: String

    init() throws {
        let weed = try TestObjectStore.shared()
        real = try weed.store()
        let server = try FaultServer(upstream: weed.s3)
        self.server = server
        store = try weed.store(endpoint: server.url) {
            $0.maxTries = 4
            $0.partBytes = 5 << 20
        }
        prefix = "s3://\(weed.bucket)/fault-\(UUID().uuidString)/"
    }

    private func error(_ work: () throws -> Void) -> StoreError? { #expect(throws: StoreError.self) { try work() } }

    private static let internalError = "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"

    // Operations that may be repeated.

    static let losses: [FaultServer.Action] = [.reset, .applyThenReset, .answer(503, ""), .applyThenAnswer(500, internalError)]

    @Test(arguments: 0..<losses.count) func `a put is repeated until it is answered`(_ loss: Int) throws {
        defer { server.stop() }
        server.fault(Self.losses[loss], "PUT", count: 2)
        try store.put([1, 2, 3], to: prefix + "x")
        #expect(try real.get(prefix + "x") == [1, 2, 3] && server.count("PUT") == 3)
    }

    @Test(arguments: 0..<losses.count) func `reading is repeated until it is answered`(_ loss: Int) throws {
        defer { server.stop() }
        try real.put([1, 2, 3], to: prefix + "x")
        for method in ["GET", "HEAD"] { server.fault(Self.losses[loss], method, count: 1) }
        #expect(try store.get(prefix + "x") == [1, 2, 3] && store.size(prefix + "x") == 3)
        server.fault(Self.losses[loss], "GET", count: 1)
        #expect(try store.list(prefix: prefix).map(\.location) == [prefix + "x"])
    }

    /// S3 answers a copy with 200 before it begins, and says in the body how it went.
    static let copyLosses: [FaultServer.Action] =
        losses + [.answer(200, internalError), .applyThenAnswer(200, internalError), .answer(200, "<?xml version=\"1.0\"?>\n  ")]

    @Test(arguments: 0..<copyLosses.count) func `a copy is repeated until it is known to be made`(_ loss: Int) throws {
        defer { server.stop() }
        try real.put([1, 2, 3], to: prefix + "x")
        server.fault(Self.copyLosses[loss], "PUT", count: 2)
        try store.copy(prefix + "x", to: prefix + "y")
        #expect(try real.get(prefix + "y") == [1, 2, 3] && server.count("PUT") == 3)
        server.fault(Self.copyLosses[loss], "PUT", count: 9)
        #expect(error { try store.copy(prefix + "x", to: prefix + "z") }?.isRetryable == true)
    }

    @Test(arguments: 0..<losses.count) func `deleting is repeated and says what was there before`(_ loss: Int) throws {
        defer { server.stop() }
        try real.put([1], to: prefix + "x")
        server.fault(Self.losses[loss], "DELETE", count: 2)
        #expect(try store.delete(prefix + "x"))
        #expect(try !real.exists(prefix + "x") && !store.delete(prefix + "x"))
        try real.put([1], to: prefix + "y")
        server.fault(Self.losses[loss], "POST", count: 2)
        #expect(store.delete([prefix + "y"]).isEmpty)
        #expect(try !real.exists(prefix + "y"))
    }

    @Test(arguments: [0, 1, 70_000, 99_999]) func `a body that is cut off is asked for again`(_ length: Int) throws {
        defer { server.stop() }
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try real.put(bytes, to: prefix + "x")
        server.fault(.cut(length), "GET", count: 2)
        #expect(try store.get(prefix + "x") == bytes)
        server.fault(.cut(min(length, 40_000)), "GET", count: 2)
        #expect(try store.get(prefix + "x", range: 10..<50_010) == Array(bytes[10..<50_010]))
        #expect(server.count("GET") == 6)
    }

    @Test func `a listing that is cut off is asked for again`() throws {
        defer { server.stop() }
        for index in 0..<5 { try real.put([1], to: prefix + "\(index)") }
        server.fault(.cut(300), "GET")
        #expect(try store.list(prefix: prefix).count == 5 && server.count("GET") == 2)
    }

    @Test func `a server that falls silent is asked again`() throws {
        defer { server.stop() }
        var options = store.client.options
        options.http.totalTimeout = 500
        let impatient = try S3Store(options)
        try real.put([1, 2], to: prefix + "x")
        server.fault(.stall, "HEAD")
        #expect(try impatient.size(prefix + "x") == 2 && server.count("HEAD") == 2)
    }

    @Test func `a put that fails to the end says that it may be repeated`() throws {
        defer { server.stop() }
        server.fault(.reset, "PUT", count: 99)
        let error = error { try store.put([1], to: prefix + "x") }
        #expect(error?.code == .inputOutput && error?.isRetryable == true && error?.reason.hasSuffix("(gave up after 4 tries)") == true)
    }

    // Put-if-absent.

    @Test func `a lost answer to put-if-absent is not taken for somebody else`() throws {
        defer { server.stop() }
        for (name, loss) in [
            ("a", FaultServer.Action.applyThenReset), ("b", .applyThenAnswer(500, Self.internalError)), ("c", .reset), ("d", .cut(0)),
        ] {
            server.fault(loss, "PUT", name)
            try store.putIfAbsent([1, 2], to: prefix + name)
            #expect(try real.get(prefix + name) == [1, 2])
            #expect(error { try store.putIfAbsent([1, 2], to: prefix + name) }?.code == .alreadyExists, "equal bytes are no proof")
        }
    }

    /// curl sends a request again by itself when a kept connection ends without a byte of an answer.
    @Test func `a repetition below us is seen through`() throws {
        defer { server.stop() }
        try real.put([0], to: prefix + "warm")
        for index in 0..<5 {
            // Opens the connection, or finds it open.
            _ = try store.get(prefix + "warm")
            server.fault(.applyThenReset, "PUT", "/\(index)")
            try store.putIfAbsent([UInt8(index)], to: prefix + "\(index)")
            #expect(try real.get(prefix + "\(index)") == [UInt8(index)])
        }
    }

    @Test func `somebody else's object is told from ours, also after a loss`() throws {
        defer { server.stop() }
        try real.putIfAbsent([1, 2], to: prefix + "theirs")
        try real.put([9], to: prefix + "plain")
        for name in ["theirs", "plain"] {
            server.fault(.reset, "PUT", name)
            let error = error { try store.putIfAbsent([1, 2], to: prefix + name) }
            #expect(error == StoreError(.alreadyExists, at: prefix + name, "create: object exists"))
        }
        #expect(try real.get(prefix + "theirs") == [1, 2] && real.get(prefix + "plain") == [9])
    }

    @Test func `an equal object without a mark leaves the outcome unknown`() throws {
        defer { server.stop() }
        try real.put([1, 2], to: prefix + "x")
        let error = error { try store.putIfAbsent([1, 2], to: prefix + "x") }
        #expect(error?.code == .outcomeUnknown && error?.reason.hasSuffix("the object there is alike, but carries no mark") == true)
    }

    @Test func `a conflict of conditions is tried again`() throws {
        defer { server.stop() }
        server.fault(.answer(409, "<Error><Code>ConditionalRequestConflict</Code><Message>m</Message></Error>"), "PUT", count: 2)
        try store.putIfAbsent([1], to: prefix + "x")
        #expect(try real.get(prefix + "x") == [1] && server.count("PUT") == 3)
    }

    @Test func `what was never answered and is not there may still come`() throws {
        defer { server.stop() }
        server.fault(.reset, "PUT", count: 99)
        let error = error { try store.putIfAbsent([1], to: prefix + "x") }
        #expect(error?.code == .outcomeUnknown && error?.isRetryable == false)
        #expect(error?.reason.contains("whether it was stored cannot be said: nothing is there now") == true)
    }

    @Test func `what was always refused and is not there was not stored`() throws {
        defer { server.stop() }
        server.fault(.answer(503, ""), "PUT", count: 99)
        let error = error { try store.putIfAbsent([1], to: prefix + "x") }
        #expect(error?.code == .inputOutput && error?.isRetryable == true)
    }

    @Test func `when nobody can look, the outcome is unknown`() throws {
        defer { server.stop() }
        server.fault(.applyThenReset, "PUT")
        server.fault(.reset, "PUT", count: 99)
        server.fault(.reset, "HEAD", count: 99)
        let error = error { try store.putIfAbsent([1], to: prefix + "x") }
        #expect(error?.code == .outcomeUnknown && error?.reason.contains("cannot be said: size: ") == true)
        #expect(try real.get(prefix + "x") == [1])
    }

    @Test func `a last try that went through counts`() throws {
        defer { server.stop() }
        server.fault(.reset, "PUT", count: 3)
        server.fault(.applyThenReset, "PUT")
        try store.putIfAbsent([1], to: prefix + "x")
        #expect(try real.get(prefix + "x") == [1] && server.count("PUT") == 4)
    }

    // Objects of several parts.

    /// Three parts.
    private func write(_ name: String) throws(StoreError) -> [UInt8] {
        let writer = try store.openWriter(prefix + name)
        try writer.write(TestBytes.threeParts)
        try writer.close()
        return TestBytes.threeParts
    }

    private var uploads: Int {
        get throws {
            let place = try S3Location(prefix: prefix)
            let query = [("uploads", ""), ("prefix", place.key)]
            let answer = try real.client.send(S3Request("GET", S3Location(bucket: place.bucket), query: query), at: prefix, "uploads")
            return try XMLParser.parse(answer.body).all("Upload").filter { $0["Key"]?.text.hasPrefix(place.key) == true }.count
        }
    }

    @Test(arguments: 0..<losses.count) func `parts are repeated until they are answered`(_ loss: Int) throws {
        defer { server.stop() }
        for number in 1...3 { server.fault(Self.losses[loss], "PUT", "partNumber=\(number)", count: 2) }
        #expect(try write("x") == real.get(prefix + "x") && uploads == 0)
    }

    @Test(arguments: [
        FaultServer.Action.reset, .applyThenReset, .applyThenAnswer(500, internalError), .applyThenAnswer(200, internalError),
        .answer(200, internalError),
        .applyThenAnswer(200, "<?xml version=\"1.0\"?>\n  "), .cut(20), .answer(503, ""), .applyThenAnswer(504, "<html>"),
    ])
    func `a lost answer to the completion is found out`(_ loss: FaultServer.Action) throws {
        defer { server.stop() }
        server.fault(loss, "POST", "uploadId=")
        #expect(try write("x") == real.get(prefix + "x") && uploads == 0)
    }

    @Test func `a completion that replaces an older object is told from it`() throws {
        defer { server.stop() }
        try real.put([1], to: prefix + "x")
        server.fault(.applyThenReset, "POST", "uploadId=")
        #expect(try write("x") == real.get(prefix + "x"))
        // Not carried out, so what is there is still the older one.
        server.fault(.reset, "POST", "uploadId=", count: 99)
        #expect(error { _ = try write("x") }?.code == .outcomeUnknown)
    }

    @Test func `a completion that nobody can look after is unknown`() throws {
        defer { server.stop() }
        server.fault(.applyThenReset, "POST", "uploadId=")
        server.fault(.reset, "POST", "uploadId=", count: 99)
        server.fault(.reset, "HEAD", count: 99)
        #expect(error { _ = try write("x") }?.code == .outcomeUnknown)
        #expect(try real.exists(prefix + "x"))
    }

    @Test func `a completion that is refused leaves neither object nor parts`() throws {
        defer { server.stop() }
        server.fault(.answer(400, "<Error><Code>InvalidPart</Code><Message>Part 1.</Message></Error>"), "POST", "uploadId=")
        let error = error { _ = try write("x") }
        #expect(error == StoreError(.inputOutput, at: prefix + "x", "close: InvalidPart: part 1"))
        #expect(try !real.exists(prefix + "x") && uploads == 0)
    }

    @Test func `an upload that somebody threw away is an error`() throws {
        defer { server.stop() }
        server.fault(.answer(404, "<Error><Code>NoSuchUpload</Code><Message>Gone.</Message></Error>"), "POST", "uploadId=")
        let error = error { _ = try write("x") }
        #expect(error?.code == .inputOutput && error?.reason == "close: NoSuchUpload: gone")
        #expect(try !real.exists(prefix + "x"))
    }

    @Test func `a part that fails ends the upload`() throws {
        defer { server.stop() }
        server.fault(.answer(503, ""), "PUT", "partNumber=2", count: 99)
        let writer = try store.openWriter(prefix + "x")
        let part = [UInt8](repeating: 1, count: 6 << 20)
        try writer.write(part)
        #expect(error { try writer.write(part) }?.isRetryable == true)
        #expect(error { try writer.write(part) }?.reason == "write: writer is closed")
        #expect(error { try writer.close() }?.reason == "close: writer is closed")
        #expect(try uploads == 0 && !real.exists(prefix + "x"))
    }

    @Test func `a server that is gone ends a write with an error`() throws {
        let writer = try store.openWriter(prefix + "x")
        try writer.write([1])
        server.stop()
        server.fault(.reset, "PUT", count: 99)
        #expect(error { try writer.close() }?.isRetryable == true)
    }
}
