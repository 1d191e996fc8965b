import Glibc
import Synchronization

/// How a client connects, and how long it has patience.
public struct HTTPOptions: Sendable {
    public var userAgent = "k2"
    /// Milliseconds until a connection must stand, TLS included.
    public var connectTimeout = 10_000
    /// Milliseconds for everything; 0 for no limit.
    public var totalTimeout = 60_000
    /// Bytes a second below which a transfer may not stay for `lowSpeedSeconds`; 0 for no limit.
    public var lowSpeedBytes = 100
    public var lowSpeedSeconds = 30
    /// The most bytes of a body, decompressed.
    public var maxBodyBytes = 64 << 20
    /// Whether bodies may come compressed; they are then opened. Without it they are taken as they are.
    public var acceptsGzip = true
    public var followsRedirects = false
    /// A PEM file with the authorities to trust in place of the system's. Default: `SSL_CERT_FILE`.
    public var trustFile: String?
    /// Ends transfers, within about a second.
    public var abort: AbortFlag?

    public init() {
        if let file = getenv("SSL_CERT_FILE"), file.pointee != 0 { trustFile = String(cString: file) }
    }
}

/// Tells a transfer, from any thread, to end.
public final class AbortFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    public init() {}

    public var isSet: Bool { flag.load(ordering: .relaxed) }
    public func set() { flag.store(true, ordering: .relaxed) }
    public func clear() { flag.store(false, ordering: .relaxed) }
}
