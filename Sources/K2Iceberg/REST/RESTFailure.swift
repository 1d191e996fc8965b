import K2HTTP
import K2JSON

/// Why a request to a REST catalog brought no result, and what is known about its effect.
struct RESTFailure: Error {
    enum Effect {
        /// The request did not leave, or the server refused it: nothing changed.
        case none
        /// The server may have done it, or may still do it.
        case unknown
    }

    var effect: Effect
    /// Of the answer; 0 when there was none.
    var status: Int
    /// The error's kind in the server's words, such as `NoSuchTableException`; empty when the answer is no error of the protocol.
    var type: String
    /// One line, without secrets.
    var text: String
    /// The same request may succeed later.
    var isPassing: Bool
    /// Seconds that the server wants us to wait.
    var retryAfter: Int?
}

extension RESTFailure {
    init(_ error: HTTPError) {
        let isUnsent = error.code == .unreachable || error.code == .tls || error.code == .untrusted
        let isPassing = isUnsent ? error.code != .untrusted : error.code == .timedOut || error.code == .cutOff
        self.init(effect: isUnsent ? .none : .unknown, status: 0, type: "", text: error.description, isPassing: isPassing)
    }

    /// An answer that is no success.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - secrets: replaced should the server repeat them.
    init(_ response: HTTPResponse, now: Int, hiding secrets: [String]) {
        let error = Self.model(response.body)
        let isServers = response.status >= 500 && response.status != 501
        let reason = error.message.isEmpty ? "answered \(response.status)" : "\(response.status): \(error.message)"
        self.init(
            effect: isServers ? .unknown : .none, status: response.status, type: error.type, text: Self.line(reason, hiding: secrets),
            isPassing: isServers || response.status == 429, retryAfter: response.retryAfter(now: now))
    }

    /// A success whose content cannot be read.
    init(unreadable reason: String) {
        self.init(effect: .unknown, status: 200, type: "", text: "answer: \(reason)", isPassing: false)
    }

    /// Type and message of `{"error":{…}}`, or of OAuth2's `{"error":"…","error_description":"…"}` (RFC 6749, section 5.2).
    private static func model(_ body: [UInt8]) -> (type: String, message: String) {
        guard let json = try? JSONValue(parsing: body) else { return ("", "") }
        if let code = json["error"]?.stringValue {
            return (code, [code, json["error_description"]?.stringValue].compactMap { $0 }.joined(separator: ": "))
        }
        return (json["error"]?["type"]?.stringValue ?? "", json["error"]?["message"]?.stringValue ?? "")
    }

    private static func line(_ text: String, hiding secrets: [String]) -> String {
        var text = String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
        for secret in secrets where !secret.isEmpty { text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "***") }
        return text.count > 400 ? text.prefix(400) + "…" : text
    }
}

extension IcebergError {
    /// - Parameter what: the table or namespace that was asked for.
    init(_ failure: RESTFailure, _ what: String) {
        let text = "\(what): \(failure.text)"
        switch failure.status {
        case 400, 406, 422: self.init(.invalid, text)
        case 401, 419: self.init(.catalog, "\(what): not authorized: \(failure.text)")
        case 403: self.init(.catalog, "\(what): forbidden: \(failure.text)")
        case 404: self.init(missing: failure, what)
        case 405, 501: self.init(.unsupported, text)
        case 409: self.init(.conflict, text, isRetryable: true)
        default: self.init(.catalog, text, isRetryable: failure.isPassing)
        }
    }

    /// Not every 404 says that a table is not there: it may be the wrong address or warehouse, or a file of the table that is gone.
    private init(missing failure: RESTFailure, _ what: String) {
        if failure.type.contains("Namespace"), what.hasPrefix("table ") {
            self.init(.notFound, "\(what): no such namespace")
        } else if failure.type.isEmpty {
            self.init(.catalog, "\(what): \(failure.text): expected an iceberg catalog's error, found another answer")
        } else if failure.type == "NotFoundException" || failure.type.contains("Warehouse") {
            self.init(.catalog, "\(what): \(failure.text)")
        } else {
            self.init(.notFound, "\(what): no such \(what.prefix { $0 != " " })")
        }
    }
}
