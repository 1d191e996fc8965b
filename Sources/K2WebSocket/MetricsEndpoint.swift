/// Serves `/metrics` to Prometheus and `/healthz` to supervisors.
public final class MetricsEndpoint: HTTPService {
    private let contentType: String
    private let text: () -> [UInt8]
    private let trouble: () -> String?

    /// - Parameters:
    ///   - contentType: of the metrics.
    ///   - text: the metrics; called on the server's loop, as `trouble` is.
    ///   - trouble: what is wrong, or nil: then `/healthz` answers 200, else 503.
    public init(contentType: String, text: @escaping () -> [UInt8], trouble: @escaping () -> String?) {
        self.contentType = contentType
        self.text = text
        self.trouble = trouble
    }

    public func handle(_ request: ServerRequest, _ reply: ReplyHandle) {
        guard request.method == "GET" || request.method == "HEAD" else { return reply.send(ServerReply(status: 405, text: "GET only\n")) }
        switch request.target.split(separator: "?", maxSplits: 1).first {
        case "/metrics": reply.send(ServerReply(status: 200, headers: [("Content-Type", contentType)], body: text()))
        case "/healthz":
            let trouble = trouble()
            reply.send(ServerReply(status: trouble == nil ? 200 : 503, text: "\(trouble ?? "ok")\n"))
        default: reply.send(ServerReply(status: 404, text: "/metrics or /healthz\n"))
        }
    }
}
