import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// PEM files with which a server shows who it is.
public struct ServerIdentity: Sendable {
    /// The certificate and the ones between it and its root, in this order.
    public var certificateFile: String
    public var keyFile: String

    public init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}

/// A failure of TLS that ends a connection before it opens.
struct TLSFailure: Error { var message: String }

enum TLS {
    /// How long a connection that closes waits for the peer to say so too.
    private static let shutdownTimeout = TimeAmount.seconds(1)

    /// What checks servers: name and chain, always. `trustFile`: PEM; nil: the system's roots.
    static func clientContext(trustFile: String?, on loop: IOLoop) throws(TLSFailure) -> NIOSSLContext {
        if let context = loop.trust[trustFile ?? ""] { return context }
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.certificateVerification = .fullVerification
        settings.minimumTLSVersion = .tlsv12
        settings.applicationProtocols = ["http/1.1"]
        settings.shutdownTimeout = shutdownTimeout
        if let trustFile { settings.trustRoots = .file(trustFile) }
        do {
            let context = try NIOSSLContext(configuration: settings)
            loop.trust[trustFile ?? ""] = context
            return context
        } catch {
            throw TLSFailure(message: "\(trustFile ?? "system trust roots"): cannot read certificates: \(reason(error))")
        }
    }

    /// - Parameter tunnelled: whether the connection leads to a proxy. An address in place of a name is compared with
    ///   the address of the connection, which is then the proxy's.
    static func clientHandler(
        _ context: NIOSSLContext, for endpoint: WebSocketEndpoint, tunnelled: Bool
    ) throws(TLSFailure) -> NIOSSLClientHandler {
        let isAddress = (try? SocketAddress(ipAddress: endpoint.host, port: 0)) != nil
        if isAddress, tunnelled { throw TLSFailure(message: "cannot verify the address \(endpoint.host) through a proxy: give a name") }
        do { return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : endpoint.host) } catch {
            throw TLSFailure(message: "\(endpoint.host): \(reason(error))")
        }
    }

    static func serverContext(_ identity: ServerIdentity) throws(TLSFailure) -> NIOSSLContext {
        do {
            let chain = try reading(identity.certificateFile) { try NIOSSLCertificate.fromPEMFile($0) }
            let key = try reading(identity.keyFile) { try NIOSSLPrivateKey(file: $0, format: .pem) }
            var settings = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            settings.minimumTLSVersion = .tlsv12
            settings.applicationProtocols = ["http/1.1"]
            settings.shutdownTimeout = shutdownTimeout
            return try NIOSSLContext(configuration: settings)
        } catch let failure as TLSFailure { throw failure } catch {
            throw TLSFailure(message: "\(identity.certificateFile) and \(identity.keyFile) do not fit: \(reason(error))")
        }
    }

    private static func reading<T>(_ file: String, _ read: (String) throws -> T) throws(TLSFailure) -> T {
        // The library says the same of a file that is missing and of one that holds nothing.
        if access(file, R_OK) != 0 { throw TLSFailure(message: "\(file): cannot read: \(SystemText.of(errno: errno))") }
        do { return try read(file) } catch { throw TLSFailure(message: "\(file): cannot read: \(reason(error))") }
    }

    /// What `error` means for a connection that is not open yet; nil when it is no error of TLS.
    static func end(_ error: any Error, host: String) -> WebSocketEnd? {
        if error is TLSFailure || error is NIOSSLExtraError || error is BoringSSLError {
            return .tls(error is NIOSSLExtraError ? "the certificate is not for \(host)" : reason(error))
        }
        guard let error = error as? NIOSSLError else { return nil }
        let text = reason(error)
        // A server that goes away while it restarts is no reason to distrust it.
        if error == .uncleanShutdown || text.contains("eof") { return .unreachable("\(host): connection ended before it was open") }
        switch error {
        case .noCertificateToValidate, .unableToValidateCertificate: return .tls("the certificate is not for \(host)")
        default: return .tls("\(host): \(text)")
        }
    }

    /// The one word of BoringSSL that says something, in ours when it is a certificate.
    private static func reason(_ error: any Error) -> String {
        if let failure = error as? TLSFailure { return failure.message }
        if let system = error as? IOError { return SystemText.of(errno: system.errnoCode) }
        switch error as? NIOSSLError {
        case .noSuchFilesystemObject?: return SystemText.of(errno: ENOENT)
        case .failedToLoadCertificate?: return "no readable certificate in it"
        case .failedToLoadPrivateKey?: return "no readable key in it"
        default: break
        }
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "the certificate is not trusted: unknown authority, self-signed or out of date"
        }
        guard let mark = text.split(separator: ":").last(where: { $0.contains(" at ") || $0.contains("_") }) else { return text.lowercased() }
        let word = mark.prefix { $0 == "_" || $0.isLetter || $0.isNumber }
        return word.isEmpty ? text.lowercased() : word.lowercased().split(separator: "_").joined(separator: " ")
    }
}
