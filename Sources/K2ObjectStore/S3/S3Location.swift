/// A bucket and a key in it, as `s3://bucket/key` names them; `s3a` and `s3n`, which Hadoop writes, mean the same.
///
/// Keys are taken as they stand, without percent-decoding: so Java's and Python's Iceberg write them.
struct S3Location: Equatable {
    var bucket: String
    /// May be empty in a prefix only.
    var key: String

    /// The bucket itself.
    init(bucket: String) {
        self.bucket = bucket
        key = ""
    }

    /// Where an object is.
    init(object location: String) throws(StoreError) {
        try self.init(prefix: location)
        guard !key.isEmpty else { throw Self.invalid(location, "no object: expected s3://bucket/key") }
        guard key.utf8.count <= 1024 else { throw Self.invalid(location, "key of \(key.utf8.count) bytes: S3 allows 1024") }
        // HTTP clients and proxies resolve such segments, so the request would be about another object.
        guard !key.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) else {
            throw Self.invalid(location, "key with a segment . or ..")
        }
    }

    /// What a listing begins with: a bucket, or a bucket and the beginning of keys.
    init(prefix location: String) throws(StoreError) {
        guard let scheme = StoreLocation.scheme(location), scheme == "s3" || scheme == "s3a" || scheme == "s3n" else {
            throw Self.invalid(location, "not a location in S3: expected s3://bucket/key")
        }
        let rest = location.dropFirst(scheme.count)
        guard rest.hasPrefix("://"), !location.utf8.contains(0) else { throw Self.invalid(location, "expected s3://bucket/key") }
        bucket = String(rest.dropFirst(3).prefix { $0 != "/" })
        key = String(rest.dropFirst(3 + bucket.count + 1))
        guard Self.isBucket(bucket) else { throw Self.invalid(location, "\"\(bucket)\" is not the name of a bucket") }
    }

    /// Not only what AWS gives out today: older buckets and other stores have underscores and capitals.
    private static func isBucket(_ name: String) -> Bool {
        let isPlain = name.utf8.allSatisfy { byte in
            (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: ".")
        }
        return isPlain && (1...255).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
    }

    private static func invalid(_ location: String, _ reason: String) -> StoreError { StoreError(.invalidLocation, at: location, reason) }
}
