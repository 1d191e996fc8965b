import K2HTTP
import K2ObjectStore
import Testing

@testable import struct K2ObjectStore.CivilTime

/// Against what AWS publishes: the examples of "Authenticating Requests: Using the Authorization Header" in the S3 reference, and
/// requests of the Signature Version 4 test suite (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4).
@Suite struct AWSSignatureTests {
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    /// 2013-05-24T00:00:00Z.
    private static let reference: Int64 = 1_369_353_600
    /// 2015-08-30T12:36:00Z.
    private static let suite: Int64 = 1_440_938_160

    private static let examples = AWSSignature(
        credentials: S3Credentials(accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1")

    private static func service(_ token: String? = nil) -> AWSSignature {
        let credentials = S3Credentials(
            accessKey: "AKIDEXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sessionToken: token)
        return AWSSignature(credentials: credentials, region: "us-east-1", service: "service")
    }

    struct Example: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var method = "GET"
        var path = "/"
        var query: [(String, String)] = []
        var headers: [(String, String)] = []
        var payload = AWSSignatureTests.empty
        var signature: String
    }

    static let s3: [Example] = [
        Example(
            testDescription: "GET object", path: "/test.txt", headers: [("Range", "bytes=0-9")],
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        Example(
            testDescription: "PUT object", method: "PUT", path: "/test%24file.text",
            headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        Example(
            testDescription: "GET bucket lifecycle", query: [("lifecycle", "")],
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        Example(
            testDescription: "list objects", query: [("prefix", "J"), ("max-keys", "2")],
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ]

    @Test(arguments: s3) func `the examples of the S3 reference`(_ example: Example) {
        let headers = [("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", example.payload)] + example.headers
        let signed = Self.examples.sign(
            example.method, path: example.path, query: example.query, headers: headers, payloadHash: example.payload, at: Self.reference)
        #expect(signed.last?.0 == "Authorization" && signed.last?.1.hasSuffix("Signature=" + example.signature) == true)
        #expect(signed.contains { $0 == ("x-amz-date", "20130524T000000Z") })
    }

    @Test func `the whole header of an example`() {
        let headers = [("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", Self.empty), ("Range", "bytes=0-9")]
        let signed = Self.examples.sign("GET", path: "/test.txt", headers: headers, payloadHash: Self.empty, at: Self.reference)
        #expect(
            signed.last?.1 == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    }

    static let cases: [Example] = [
        Example(testDescription: "get-vanilla", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Example(
            testDescription: "get-vanilla-empty-query-key", query: [("Param1", "value1")],
            signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        Example(
            testDescription: "get-vanilla-query-order-encoded", query: [("Param-3", "Value3"), ("Param", "Value2"), ("ሴ", "Value1")],
            signature: "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"),
        Example(
            testDescription: "get-vanilla-utf8-query", query: [("ሴ", "bar")],
            signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        Example(
            testDescription: "get-unreserved",
            path: PercentText.path("/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
            signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        Example(
            testDescription: "get-utf8", path: PercentText.path("/ሴ"),
            signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        Example(
            testDescription: "get-header-value-trim", headers: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        Example(
            testDescription: "get-header-value-multiline", headers: [("My-Header1", "value1\n  value2\n     value3")],
            signature: "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"),
        Example(
            testDescription: "get-header-key-duplicate",
            headers: [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
        Example(
            testDescription: "post-vanilla-query", method: "POST", query: [("Param1", "value1")],
            signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        Example(
            testDescription: "post-x-www-form-urlencoded", method: "POST",
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", "13"),
                ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
            ],
            payload: "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            signature: "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"),
        // Keys of S3 are not normalized, so their slashes count.
        Example(
            testDescription: "get-slashes-unnormalized", path: "//example//",
            signature: "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"),
    ]

    @Test(arguments: cases) func `the test suite of Signature Version 4`(_ example: Example) {
        let headers = [("Host", "example.amazonaws.com")] + example.headers
        let signed = Self.service().sign(
            example.method, path: example.path, query: example.query, headers: headers, payloadHash: example.payload, at: Self.suite)
        #expect(signed.last?.1.hasSuffix("Signature=" + example.signature) == true)
    }

    @Test func `a session token is sent and signed`() {
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
        let signed = Self.service(token).sign(
            "GET", path: "/", headers: [("Host", "example.amazonaws.com")], payloadHash: Self.empty, at: Self.suite)
        #expect(signed.contains { $0 == ("x-amz-security-token", token) })
        #expect(signed.last?.1.hasSuffix("Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8") == true)
    }

    @Test(arguments: [
        (0, "19700101T000000Z"), (951_782_400, "20000229T000000Z"), (1_440_938_160, "20150830T123600Z"),
        (1_709_251_199, "20240229T235959Z"),
        (4_107_542_400, "21000301T000000Z"),
    ])
    func `times are written`(_ seconds: Int64, _ text: String) { #expect(CivilTime(seconds).basic == text) }

    @Test(arguments: [
        ("2009-10-12T17:50:30.000Z", 1_255_369_830_000_000), ("2024-02-29T23:59:59Z", 1_709_251_199_000_000),
        ("1970-01-01T00:00:00.1Z", 100_000), ("1970-01-01T00:00:00.123456789Z", 123_456),
    ])
    func `times are read`(_ text: String, _ microseconds: Int64) { #expect(CivilTime.microseconds(text) == microseconds) }

    @Test(arguments: [
        "", "Z", "2009-10-12 17:50:30Z", "2009-10-12T17:50:30", "2009-13-12T17:50:30Z", "2009-10-12T17:50:30.Z", "+009-10-12T17:50:30Z",
    ])
    func `what is no time is refused`(_ text: String) { #expect(CivilTime.microseconds(text) == nil) }
}
