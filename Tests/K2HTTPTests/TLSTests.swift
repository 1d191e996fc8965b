import Glibc
import K2HTTP
import K2TestSupport
import Testing

/// TLS against `openssl s_server` with a certificate made for the test.
@Suite struct TLSTests {
    private static let openssl = "/usr/bin/openssl"

    /// Paths of a certificate that signs itself, and of its key.
    private static func certificate(_ folder: TestFolder, _ name: String) throws -> (certificate: String, key: String) {
        let (certificate, key) = (try folder.file("certificate.pem"), try folder.file("key.pem"))
        let result = try ToolProcess.start(
            openssl,
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                "-addext", "subjectAltName=\(name)", "-keyout", key, "-out", certificate,
            ]
        ).finish()
        guard result.status == 0 else { throw TestTrouble("openssl: \(result.stderr)") }
        return (certificate, key)
    }

    private static func server(
        _ files: (certificate: String, key: String), _ more: [String] = []
    ) throws -> (server: RunningTool, url: String) {
        let server = try ToolProcess.start(
            openssl, ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", files.certificate, "-key", files.key] + more)
        var said = ""
        while true {
            let before = server.stdout.count
            try server.read(atLeast: before + 1, seconds: 20)
            said = String(decoding: server.stdout, as: UTF8.self)
            if let line = said.split(separator: "\n").first(where: { $0.hasPrefix("ACCEPT 127.0.0.1:") }), said.hasSuffix("\n") {
                return (server, "https://127.0.0.1:" + line.dropFirst("ACCEPT 127.0.0.1:".count))
            }
            guard server.stdout.count > before else { throw TestTrouble("openssl s_server does not listen: \(said)") }
        }
    }

    private static func get(_ url: String, trust: String?) throws -> HTTPResponse {
        var options = HTTPOptions()
        options.trustFile = trust
        options.totalTimeout = 20_000
        return try HTTPClient(options: options).get(url)
    }

    private static func code(_ url: String, trust: String?) throws -> HTTPError.Code? {
        do { _ = try get(url, trust: trust) } catch let error as HTTPError { return error.code }
        return nil
    }

    @Test(.enabled(if: access(TLSTests.openssl, X_OK) == 0))
    func onlyWhoIsTrustedAndNamedRightIsSpokenTo() throws {
        let folder = try TestFolder()
        let files = try Self.certificate(folder, "IP:127.0.0.1")
        let (server, url) = try Self.server(files)
        #expect(try Self.get(url, trust: files.certificate).status == 200)
        #expect(try Self.code(url, trust: nil) == .untrusted)
        #expect(try Self.code(url, trust: try folder.file("missing.pem")) == .untrusted)
        server.send(signal: SIGTERM)

        let otherFolder = try TestFolder()
        let other = try Self.certificate(otherFolder, "DNS:example.com")
        let (otherServer, otherURL) = try Self.server(other)
        #expect(try Self.code(otherURL, trust: other.certificate) == .untrusted)
        #expect(try Self.code(otherURL, trust: files.certificate) == .untrusted)
        otherServer.send(signal: SIGTERM)
    }

    @Test(.enabled(if: access(TLSTests.openssl, X_OK) == 0))
    func oldTLSIsRefused() throws {
        let folder = try TestFolder()
        let files = try Self.certificate(folder, "IP:127.0.0.1")
        let (server, url) = try Self.server(files, ["-no_tls1_2", "-no_tls1_3", "-cipher", "ALL:@SECLEVEL=0"])
        #expect(try Self.code(url, trust: files.certificate) == .tls)
        server.send(signal: SIGTERM)
    }
}
