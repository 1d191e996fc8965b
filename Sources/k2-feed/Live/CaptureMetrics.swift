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
