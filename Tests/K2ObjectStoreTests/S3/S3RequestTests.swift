import K2HTTP
import Testing

@testable import K2ObjectStore

@Suite struct S3RequestTests {
    private static func options(endpoint: String? = nil, pathStyle: Bool? = nil, region: String = "eu-west-1") -> S3Options {
        S3Options(
            credentials: S3Credentials(accessKey: "AKID", secretKey: "SECRET", sessionToken: "TOKEN"), region: region, endpoint: endpoint,
            usesPathStyle: pathStyle)
    }

    private static func signed(_ request: S3Request, _ options: S3Options) throws -> HTTPRequest {
        request.signed(options, try S3Endpoint(options), at: 1_369_353_600)
    }

    /// What is asked for `s3://…`, and the host that the signature names.
    @Test(
        arguments: [
            (nil, nil, "eu-west-1", "s3://b/k", "https://b.s3.eu-west-1.amazonaws.com/k"),
            (nil, true, "eu-west-1", "s3://b/k", "https://s3.eu-west-1.amazonaws.com/b/k"),
            (nil, nil, "cn-north-1", "s3://b/k", "https://b.s3.cn-north-1.amazonaws.com.cn/k"),
            (nil, nil, "eu-west-1", "s3://b.c/k", "https://s3.eu-west-1.amazonaws.com/b.c/k"),
            ("http://127.0.0.1:9000", nil, "x", "s3://b/k", "http://127.0.0.1:9000/b/k"),
            ("http://127.0.0.1:9000/", nil, "x", "s3a://b/k", "http://127.0.0.1:9000/b/k"),
            ("http://store.local:80/base/", nil, "x", "s3://b/k", "http://store.local/base/b/k"),
            ("https://Store.Local:443", false, "x", "s3://b/k", "https://b.store.local/k"),
            ("http://store.local", false, "x", "s3://b.c/k", "http://b.c.store.local/k"),
            (nil, nil, "eu-west-1", "s3://b/a b/+%/ü?#", "https://b.s3.eu-west-1.amazonaws.com/a%20b/%2B%25/%C3%BC%3F%23"),
            (nil, nil, "eu-west-1", "s3://b//a//b/", "https://b.s3.eu-west-1.amazonaws.com//a//b/"),
        ] as [(String?, Bool?, String, String, String)])
    func `places become URLs`(_ endpoint: String?, _ pathStyle: Bool?, _ region: String, _ location: String, _ url: String) throws {
        let options = Self.options(endpoint: endpoint, pathStyle: pathStyle, region: region)
        let request = try Self.signed(S3Request("GET", try S3Location(object: location)), options)
        #expect(request.url == url)
        #expect(!request.headers.contains { $0.0.lowercased() == "host" }, "curl sends it, from the URL")
    }

    /// Virtual-host style has no server here, so the signature is checked against AWS's example of it.
    @Test func `virtual-host style is signed as AWS does`() throws {
        var options = Self.options(region: "us-east-1")
        options.credentials = S3Credentials(accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        options.endpoint = "https://s3.amazonaws.com"
        let request = S3Request("GET", try S3Location(object: "s3://examplebucket/test.txt"), headers: [("range", "bytes=0-9")])
        let signed = try Self.signed(request, options)
        #expect(signed.url == "https://examplebucket.s3.amazonaws.com/test.txt")
        #expect(signed.headers.last?.1.hasSuffix("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41") == true)
    }

    @Test func `a request carries what proves it`() throws {
        let place = try S3Location(object: "s3://b/k")
        let request = try Self.signed(
            S3Request("PUT", place, query: [("uploadId", "a/b"), ("partNumber", "2")], body: Array("abc".utf8)), Self.options())
        #expect(request.url.hasSuffix("/k?partNumber=2&uploadId=a%2Fb"))
        let headers = Dictionary(uniqueKeysWithValues: request.headers)
        #expect(headers["x-amz-content-sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(headers["x-amz-security-token"] == "TOKEN" && headers["content-type"] == "application/octet-stream")
        let names = "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"
        #expect(headers["Authorization"]?.contains(names) == true)
    }

    @Test func `bodies stay unsigned only when asked, and only over https`() throws {
        func hash(_ endpoint: String, _ signsPayload: Bool, body: [UInt8]?) throws -> String? {
            var options = Self.options(endpoint: endpoint)
            options.signsPayload = signsPayload
            return try Self.signed(S3Request("PUT", try S3Location(object: "s3://b/k"), body: body), options).headers
                .first { $0.0 == "x-amz-content-sha256" }?.1
        }
        #expect(try hash("https://h", false, body: [1]) == "UNSIGNED-PAYLOAD")
        #expect(try hash("http://h", false, body: [1])?.count == 64)
        #expect(try hash("https://h", true, body: [1])?.count == 64)
        #expect(try hash("https://h", false, body: nil)?.hasPrefix("e3b0c442") == true)
    }

    @Test func `secrets show nowhere`() throws {
        let options = Self.options()
        for text in ["\(options)", "\(options.credentials)", String(reflecting: options.credentials), "\(try S3Store(options))"] {
            #expect(!text.contains("SECRET") && !text.contains("TOKEN"))
        }
        var dumped = ""
        dump(options, to: &dumped)
        #expect(!dumped.contains("SECRET") && !dumped.contains("TOKEN"))
    }

    @Test(arguments: [
        ("store.local:9000", "store.local:9000: S3 endpoint: expected http://host:port or https://host"),
        ("ftp://h", "ftp://h: S3 endpoint: expected http or https, found \"ftp\""),
        ("http://user:pw@h/x", "http://h/x: S3 endpoint: user and password are not allowed in it"),
        ("http://h/?a=b", "http://h/: S3 endpoint: a query or fragment is not allowed in it"),
        ("http://", "http://: S3 endpoint: no host in it"),
        ("http://h h", "http://h h: S3 endpoint: no host in it"),
    ])
    func `an endpoint that is none is refused`(_ endpoint: String, _ text: String) {
        let error = #expect(throws: StoreError.self) { try S3Store(Self.options(endpoint: endpoint)) }
        #expect(error?.description == text && error?.code == .invalidLocation)
    }

    @Test(arguments: [
        "b/k", "/b/k", "file:///b/k", "s3:b/k", "s3:/b/k", "s3://", "s3:///k", "s3://b", "s3://b/", "s3://a b/k", "s3://b?x/k", "s3://../k",
        "s3://.b/k",
        "s3://b/./k", "s3://b/a/../k", "s3://b/..", "s3://b/k\u{0}", "s3://b@h/k", "s3://b/" + String(repeating: "k", count: 1_025), "",
    ])
    func `what is no object in S3 is refused`(_ location: String) throws {
        let store = try S3Store(Self.options(endpoint: "http://127.0.0.1:1"))
        for work in [{ _ = try store.get(location) }, { try store.put([], to: location) }, { _ = try store.openWriter(location) }]
            as [() throws -> Void]
        {
            let error = #expect(throws: StoreError.self) { try work() }
            #expect(error?.code == .invalidLocation && error?.location == location && error?.isRetryable == false)
        }
    }

    @Test(arguments: [
        ("s3://b/k", "b", "k"), ("S3A://b/k", "b", "k"), ("s3n://b//k/", "b", "/k/"), ("s3://My_Bucket.x/a%20b", "My_Bucket.x", "a%20b"),
        ("s3://b/.../.x/..y", "b", ".../.x/..y"),
    ])
    func `locations are taken apart`(_ location: String, _ bucket: String, _ key: String) throws {
        let place = try S3Location(object: location)
        #expect(place.bucket == bucket && place.key == key)
    }

    @Test func `parts grow so that ten thousand hold five terabytes`() {
        let sizes = (1...10_000).map { S3Writer.partBytes(number: $0, first: 8 << 20, of: 10_000) }
        #expect(sizes.first == 8 << 20 && sizes[999] == 8 << 20 && sizes[1_000] == 16 << 20)
        #expect(sizes.reduce(0, +) >= 5 << 40 && (sizes.max() ?? 0) <= 5 << 30)
    }
}
