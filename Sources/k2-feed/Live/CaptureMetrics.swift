import K2Domain
import K2Metrics
import K2WebSocket

/// What a live capture counts beyond the account of its ids.
final class CaptureMetrics {
    var connections = 0
    var reconnects = 0
    var restFailures = 0
    /// By series: the exchange's trade time to our receipt, seconds.
    private(set) var lags: [Histogram] = []

    func noteLag(_ microseconds: Int64, series: Int) {
        while lags.count <= series { lags.append(Histogram(bounds: Histogram.latencyBounds)) }
        lags[series].observe(Double(microseconds) / 1_000_000)
    }
}

/// Serves `/metrics` (Prometheus text) and `/healthz` (200 while every connection is subscribed, else 503).
final class MetricsService: HTTPService {
    private let live: LiveCapture

    init(_ live: LiveCapture) { self.live = live }

    func handle(_ request: ServerRequest, _ reply: ReplyHandle) {
        guard request.method == "GET" || request.method == "HEAD" else { return reply.send(ServerReply(status: 405, text: "GET only\n")) }
        switch request.target.split(separator: "?", maxSplits: 1).first {
        case "/metrics":
            reply.send(ServerReply(status: 200, headers: [("Content-Type", MetricsText.contentType)], body: LiveMetrics.text(live)))
        case "/healthz":
            reply.send(live.isHealthy ? ServerReply(status: 200, text: "ok\n") : ServerReply(status: 503, text: "not subscribed\n"))
        default: reply.send(ServerReply(status: 404, text: "/metrics or /healthz\n"))
        }
    }
}
