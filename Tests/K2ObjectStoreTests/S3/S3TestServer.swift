import K2ObjectStore
import K2TestSupport

extension TestObjectStore {
    /// Options that reach it, with short waits between tries.
    func options(endpoint: String? = nil) -> S3Options {
        var options = S3Options(
            credentials: S3Credentials(accessKey: accessKey, secretKey: secretKey), region: region, endpoint: endpoint ?? s3)
        options.retryDelay = 1_000...20_000
        return options
    }

    func store(endpoint: String? = nil, _ change: (inout S3Options) -> Void = { _ in }) throws(StoreError) -> S3Store {
        var options = options(endpoint: endpoint)
        change(&options)
        return try S3Store(options)
    }
}

enum TestBytes {
    /// An object of three parts when parts are of 5 MiB.
    static let threeParts = (0..<((10 << 20) + 3)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 16) }
}
