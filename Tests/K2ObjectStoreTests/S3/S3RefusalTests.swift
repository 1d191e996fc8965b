import Foundation
import K2Bytes
import K2HTTP
import Synchronization
import Testing

@testable import K2ObjectStore

/// The store against a server that refuses, and a clock that costs no time.
@Suite struct S3RefusalTests {
    private let server: FaultServer
    private let waits = Waits()

    init() throws { server = try FaultServer() }

    private func store(_ change: (inout S3Options) -> Void = { _ in }) throws -> S3Store {
        var options = S3Options(credentials: S3Credentials(accessKey: "A", secretKey: "SECRET"), region: "r", endpoint: server.url)
        change(&options)
        return try S3Store(options, clock: waits.clock)
    }

    private static func error(_ code: String, _ message: String = "Please wait.") -> String {
        "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>\(message)</Message><StringToSign>SECRET</StringToSign></Error>"
    }

    @Test(arguments: [
        (503, "SlowDown"), (500, "InternalError"), (503, "ServiceUnavailable"), (429, "TooManyRequests"), (400, "RequestTimeout"),
        (429, ""), (502, ""),
        (504, ""), (500, ""), (408, ""), (400, "BadDigest"),
    ])
    func `what passes is tried again`(_ status: Int, _ code: String) throws {
        defer { server.stop() }
        let body = code.isEmpty ? "<html>no words of S3" : Self.error(code)
        server.fault(.answer(status, body), "GET", count: 2)
        server.fault(.answer(200, "bytes"), "GET")
        #expect(try store().get("s3://b/k") == Array("bytes".utf8))
        #expect(server.count("GET") == 3 && waits.all.count == 2)
    }

    @Test(arguments: [
        (403, "AccessDenied", StoreError.Code.permission, "AccessDenied: please wait"),
        (403, "SignatureDoesNotMatch", .permission, "SignatureDoesNotMatch: please wait (check the secret key)"),
        (403, "InvalidAccessKeyId", .permission, "InvalidAccessKeyId: please wait (check the access key and the endpoint)"),
        (403, "RequestTimeTooSkewed", .permission, "RequestTimeTooSkewed: please wait (set the clock of this machine)"),
        (400, "ExpiredToken", .permission, "ExpiredToken: please wait (the session token has expired: get new credentials)"),
        (404, "NoSuchBucket", .invalidLocation, "NoSuchBucket: please wait"), (404, "NoSuchKey", .notFound, "NoSuchKey: please wait"),
        (404, "", .notFound, "status 404"), (507, "", .noSpace, "status 507"),
        (400, "KeyTooLongError", .invalidLocation, "KeyTooLongError: please wait"),
        (501, "NotImplemented", .inputOutput, "NotImplemented: please wait"),
        (400, "InvalidRequest", .inputOutput, "InvalidRequest: please wait"),
        (301, "PermanentRedirect", .inputOutput, "PermanentRedirect: please wait (check the region and the endpoint)"),
    ])
    func `what stays is said at once`(_ status: Int, _ code: String, _ kind: StoreError.Code, _ reason: String) throws {
        defer { server.stop() }
        server.fault(.answer(status, code.isEmpty ? "" : Self.error(code)), "PUT", count: 9)
        let error = #expect(throws: StoreError.self) { try store().put([1], to: "s3://b/k") }
        #expect(error == StoreError(kind, at: "s3://b/k", "put: \(reason)"))
        #expect(server.count("PUT") == 1)
    }

    @Test func `another region is named`() throws {
        defer { server.stop() }
        server.fault(.answer(301, "", headers: ["x-amz-bucket-region: eu-west-1"]), "HEAD")
        server.fault(.answer(301, Self.error("PermanentRedirect"), headers: ["x-amz-bucket-region: eu-west-1"]), "GET")
        let error = #expect(throws: StoreError.self) { try store().size("s3://b/k") }
        #expect(error?.reason == "size: PermanentRedirect: please wait (the region is eu-west-1)")
    }

    @Test func `messages are one line, short, and hold nothing but what they are for`() throws {
        defer { server.stop() }
        server.fault(.answer(400, Self.error("Odd", "Two\nlines &#13;&#9; and \(String(repeating: "long ", count: 100))")), "GET")
        let error = try #require(#expect(throws: StoreError.self) { try store().get("s3://b/k") })
        #expect(error.reason.hasPrefix("get: Odd: two lines and long long") && error.reason.count < 340)
        #expect(!error.description.contains("SECRET") && !error.description.contains("\n"))
    }

    @Test func `it gives up after so many tries`() throws {
        defer { server.stop() }
        server.fault(.answer(503, Self.error("SlowDown")), "GET", count: 99)
        let error = #expect(throws: StoreError.self) { try store { $0.maxTries = 4 }.get("s3://b/k") }
        #expect(error == StoreError(.inputOutput, at: "s3://b/k", "get: SlowDown: please wait (gave up after 4 tries)", isRetryable: true))
        #expect(server.count("GET") == 4)
        // Each wait is from the upper half of its step.
        let steps: [ClosedRange<Int64>] = [50_000...100_000, 100_000...200_000, 200_000...400_000]
        #expect(waits.all.count == 3 && zip(waits.all, steps).allSatisfy { $1.contains($0) })
    }

    @Test func `it gives up after so much time`() throws {
        defer { server.stop() }
        server.fault(.answer(503, ""), "GET", count: 999)
        let error = #expect(throws: StoreError.self) {
            try store {
                $0.maxTries = 500
                $0.maxRetryTime = 30_000_000
            }.get("s3://b/k")
        }
        #expect(error?.isRetryable == true && waits.all.reduce(0, +) <= 30_000_000 && waits.all.reduce(0, +) > 15_000_000)
    }

    @Test func `the server may ask for a longer wait, within limits`() throws {
        defer { server.stop() }
        server.fault(.answer(503, "", headers: ["Retry-After: 7"]), "GET")
        server.fault(.answer(200, "x"), "GET")
        #expect(try store().get("s3://b/k") == [0x78])
        #expect(waits.all.reduce(0, +) == 7_000_000)
        server.fault(.answer(503, "", headers: ["Retry-After: 100000"]), "HEAD", count: 9)
        #expect(throws: StoreError.self) { try store().size("s3://b/k") }
        #expect(server.count("HEAD") == 1)
    }

    @Test func `nobody there is told, and nothing was created`() throws {
        server.stop()
        let store = try store {
            $0.endpoint = "http://127.0.0.1:1"
            $0.maxTries = 3
        }
        let error = try #require(#expect(throws: StoreError.self) { try store.putIfAbsent([1], to: "s3://b/k") })
        #expect(error.code == .inputOutput && error.isRetryable && error.reason.hasPrefix("create: http://127.0.0.1:1/b/k: "))
        #expect(error.reason.hasSuffix("(gave up after 3 tries)") && waits.all.count == 2)
    }

    @Test func `an abort ends the waiting`() throws {
        defer { server.stop() }
        let flag = AbortFlag()
        server.fault(.answer(503, ""), "GET", count: 99)
        waits.onWait { flag.set() }
        let error = #expect(throws: StoreError.self) { try store { $0.http.abort = flag }.get("s3://b/k") }
        #expect(error?.isRetryable == true && server.count("GET") == 1)
        let next = #expect(throws: StoreError.self) { try store { $0.http.abort = flag }.get("s3://b/k") }
        #expect(next?.reason.hasSuffix("aborted") == true && server.count("GET") == 1)
    }

    @Test func `a listing that does not end is noticed`() throws {
        defer { server.stop() }
        let page = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
        server.fault(.answer(200, page), "GET", count: 99)
        #expect(
            #expect(throws: StoreError.self) { try store().list(prefix: "s3://b/p") }?.description == "s3://b/p: list: the same page again")
        let lines = server.requests.map(\.line)
        #expect(
            lines == [
                "GET /b?encoding-type=url&list-type=2&prefix=p", "GET /b?continuation-token=t&encoding-type=url&list-type=2&prefix=p",
            ])
    }

    @Test func `a listing that is no listing is tried again, then refused`() throws {
        defer { server.stop() }
        server.fault(.answer(200, "<html>captive portal</html>"), "GET", count: 99)
        let error = #expect(throws: StoreError.self) { try store { $0.maxTries = 2 }.list(prefix: "s3://b") }
        #expect(error?.reason == "list: expected ListBucketResult, found html (gave up after 2 tries)" && error?.isRetryable == true)
    }

    @Test func `a server that ignores ranges is cut to size`() throws {
        defer { server.stop() }
        server.fault(.answer(200, "0123456789"), "GET", count: 9)
        #expect(try store().get("s3://b/k", range: 2..<5) == Array("234".utf8))
        #expect(
            #expect(throws: StoreError.self) { try store().get("s3://b/k", range: 2..<11) }?.reason
                == "range 2..<11 of an object of 10 bytes")
    }

    @Test func `ranges outside are refused`() throws {
        defer { server.stop() }
        server.fault(.answer(206, "89", headers: ["Content-Range: bytes 8-9/10"]), "GET")
        server.fault(.answer(416, Self.error("InvalidRange")), "GET")
        #expect(
            #expect(throws: StoreError.self) { try store().get("s3://b/k", range: 8..<12) }?.reason
                == "range 8..<12 of an object of 10 bytes")
        let error = #expect(throws: StoreError.self) { try store().get("s3://b/k", range: 20..<21) }
        #expect(error?.reason == "range 20..<21 of the object" && error?.code == .invalidRange)
    }

    @Test func `an object stored compressed comes as it is stored`() throws {
        defer { server.stop() }
        server.fault(.answer(200, "not gzip at all", headers: ["Content-Encoding: gzip"]), "GET")
        #expect(try store().get("s3://b/k") == Array("not gzip at all".utf8))
        #expect(server.requests[0].header("accept-encoding") == nil)
    }

    @Test func `a batch reports each key that could not be deleted`() throws {
        defer { server.stop() }
        func result(_ errors: [(String, String)]) -> String {
            let items = errors.map { "<Error><Key>\($0.0)</Key><Code>\($0.1)</Code><Message>Not yours.</Message></Error>" }.joined()
            return "<DeleteResult>\(items)</DeleteResult>"
        }
        server.fault(
            .answer(200, result([("busy", "InternalError"), ("locked &amp; kept", "AccessDenied"), ("gone", "NoSuchKey")])), "POST")
        server.fault(.answer(200, result([])), "POST")
        let failures = try store().delete(["ok", "busy", "locked & kept", "gone"].map { "s3://b/" + $0 })
        #expect(failures == [StoreError(.permission, at: "s3://b/locked & kept", "delete: AccessDenied: not yours")])
        try #require(server.requests.count == 2)
        let bodies = server.requests.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(
            bodies[0].contains("<Quiet>true</Quiet><Object><Key>ok</Key></Object>") && bodies[0].contains("<Key>locked &amp; kept</Key>"))
        #expect(bodies[1].contains("<Key>busy</Key>") && !bodies[1].contains("<Key>ok</Key>"))
        for request in server.requests {
            #expect(request.line == "POST /b?delete=" && request.header("content-md5") == Base64.text(of: MD5.digest(request.body.span)))
        }
    }

    @Test func `a batch goes by thousands and buckets, and stops asking who refuses`() throws {
        defer { server.stop() }
        server.fault(.answer(200, "<DeleteResult/>"), "POST", "/a?", count: 3)
        server.fault(.answer(403, Self.error("AccessDenied")), "POST", "/b?", count: 9)
        let failures = try store().delete(
            (0..<2_001).map { "s3://a/\($0)" } + (0..<1_500).map { "s3a://b/\($0)" } + ["s3://a/x\u{2}", "file:///x"])
        #expect(server.count("POST", "/a?") == 3 && server.count("POST", "/b?") == 1 && server.count("DELETE", "/a/x%02") == 1)
        #expect(failures.count == 1_502 && failures.filter { $0.location.hasPrefix("s3a://b/") && $0.code == .permission }.count == 1_500)
        #expect(failures.contains { $0.location == "file:///x" && $0.code == .invalidLocation })
    }
}

/// A clock that stands still but for what is waited on it.
final class Waits: Sendable {
    private let state = Mutex<(all: [Int64], action: (@Sendable () -> Void)?)>(([], nil))

    /// The waits that were asked for, those in pieces put together.
    var all: [Int64] { state.withLock { $0.all } }

    func onWait(_ action: @escaping @Sendable () -> Void) { state.withLock { $0.action = action } }

    var clock: StoreClock {
        StoreClock(
            now: { Int64(Date().timeIntervalSince1970) },
            steady: { [self] in all.reduce(0, +) },
            sleep: { [self] time in
                let action = state.withLock { state in
                    // A piece of 0.2 s is followed by others.
                    if let last = state.all.last, last % 200_000 == 0 {
                        state.all[state.all.count - 1] = last + time
                    } else {
                        state.all.append(time)
                    }
                    return state.action
                }
                action?()
            },
            random: { UInt64.random(in: .min ... .max) })
    }
}
