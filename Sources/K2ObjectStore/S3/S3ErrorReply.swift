import K2HTTP

/// A refusal in S3's words: `<Error><Code>NoSuchKey</Code><Message>…</Message></Error>`, or only a status.
///
/// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (2026-02).
struct S3ErrorReply: CustomStringConvertible {
    let status: Int
    /// Empty when the answer held none: an answer to HEAD, or from something in front of S3.
    let code: String
    let message: String
    /// The region to ask in place of this one.
    private let region: String?

    init(_ answer: HTTPResponse) {
        let root = answer.body.isEmpty ? nil : try? XMLParser.parse(answer.body)
        let element = root?.name == "Error" ? root : nil
        self.init(
            status: answer.status, code: element?["Code"]?.text ?? "", message: element?["Message"]?.text ?? "",
            region: answer.header("x-amz-bucket-region") ?? element?["Region"]?.text)
    }

    /// - Parameter status: 0 for one of many answers in one body.
    init(status: Int, code: String, message: String, region: String? = nil) {
        self.status = status
        self.code = Self.oneLine(code)
        self.message = Self.lowerFirst(Self.oneLine(message))
        self.region = region.map(Self.oneLine)
    }

    /// The same request may succeed later.
    var isTransient: Bool {
        switch code {
        case "InternalError", "ServiceUnavailable", "SlowDown", "Busy", "ServerBusy", "RequestTimeout", "Throttling", "ThrottlingException",
            "RequestLimitExceeded", "TooManyRequests", "BandwidthLimitExceeded", "ConditionalRequestConflict", "OperationAborted":
            true
        // The body was damaged on its way.
        case "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody": true
        default: status == 500 || (502...504).contains(status) || status == 429 || status == 408
        }
    }

    /// The request may have been carried out in spite of this answer.
    var mayHaveHappened: Bool {
        switch code {
        case "InternalError": true
        // S3 did not begin.
        case "SlowDown", "ServiceUnavailable", "Busy", "ServerBusy", "NotImplemented": false
        // Perhaps not S3's own words, but those of something in front of it.
        default: status >= 500
        }
    }

    var storeCode: StoreError.Code {
        switch code {
        case "NoSuchKey": return .notFound
        case "NoSuchUpload": return .inputOutput
        case "NoSuchBucket", "InvalidBucketName", "KeyTooLongError", "InvalidURI": return .invalidLocation
        case "PreconditionFailed": return .alreadyExists
        case "InvalidRange": return .invalidRange
        case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull": return .noSpace
        case "AccessDenied", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed", "AuthorizationHeaderMalformed": return .permission
        default: break
        }
        switch status {
        case 404: return .notFound
        case 401, 403: return .permission
        case 412: return .alreadyExists
        case 416: return .invalidRange
        case 507: return .noSpace
        default: return .inputOutput
        }
    }

    /// `NoSuchBucket: the specified bucket does not exist`.
    var description: String {
        let name = code.isEmpty ? "status \(status)" : code
        let said = message.isEmpty ? name : "\(name): \(message)"
        return advice.map { "\(said) (\($0))" } ?? said
    }

    /// What to do about the ones that wait for a person.
    private var advice: String? {
        switch code {
        case "RequestTimeTooSkewed": return "set the clock of this machine"
        case "ExpiredToken": return "the session token has expired: get new credentials"
        case "SignatureDoesNotMatch": return "check the secret key"
        case "InvalidAccessKeyId": return "check the access key and the endpoint"
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException":
            return region.map { "the region is \($0)" } ?? "check the region and the endpoint"
        default: break
        }
        guard code.isEmpty else { return nil }
        if (300..<400).contains(status) { return region.map { "the region is \($0)" } ?? "check the region and the endpoint" }
        return nil
    }

    private static func lowerFirst(_ text: String) -> String {
        // "XML" stays what it is.
        text.dropFirst().first?.isUppercase == true ? text : text.prefix(1).lowercased() + text.dropFirst()
    }

    /// Without a full stop, and short.
    private static func oneLine(_ text: String) -> String {
        let words = text.split { $0.isWhitespace || $0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f } }
        var line = words.joined(separator: " ")
        if line.count > 300 { line = line.prefix(300) + "…" }
        if line.hasSuffix(".") { line.removeLast() }
        return line
    }
}
