import K2HTTP

/// Which S3, who asks, and how much patience there is.
public struct S3Options: Sendable {
    public var credentials: S3Credentials
    public var region: String
    /// `http(s)://host[:port][/path]` of another store than AWS.
    public var endpoint: String?
    /// `https://host/bucket/key` in place of `https://bucket.host/key`. The default with an `endpoint`.
    public var usesPathStyle: Bool
    /// Whether the signature covers the bodies. Without it, and only over https, hashing them is saved.
    public var signsPayload = true
    /// Of connections. The total time counts only for requests without large bodies.
    public var http: HTTPOptions
    /// Tries of one request, the first included.
    public var maxTries = 8
    /// Least and greatest wait between them, µs.
    public var retryDelay: ClosedRange<Int64> = 100_000...10_000_000
    /// µs after which no other try begins.
    public var maxRetryTime: Int64 = 60_000_000
    /// Size of the first parts of a large object; S3 allows no less than 5 MiB.
    public var partBytes = 8 << 20
    /// Parts of one object.
    public var maxParts = 10_000
    /// The largest object that `get` takes into memory whole.
    public var maxObjectBytes = 4 << 30

    public init(credentials: S3Credentials, region: String, endpoint: String? = nil, usesPathStyle: Bool? = nil) {
        self.credentials = credentials
        self.region = region
        self.endpoint = endpoint
        self.usesPathStyle = usesPathStyle ?? (endpoint != nil)
        http = HTTPOptions()
        // A transfer that moves on may take its time.
        http.lowSpeedBytes = 1_000
        http.lowSpeedSeconds = 30
    }
}
