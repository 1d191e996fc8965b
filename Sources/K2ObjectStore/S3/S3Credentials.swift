/// Who asks. The secret parts show in no description.
public struct S3Credentials: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    public var accessKey: String
    public var secretKey: String
    /// Comes with credentials that expire.
    public var sessionToken: String?

    public init(accessKey: String, secretKey: String, sessionToken: String? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }

    public var description: String { "S3Credentials(\(accessKey))" }
    public var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }
}
