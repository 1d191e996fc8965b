import K2Bytes
import K2CLI
import K2Domain
import K2Metrics
import K2WebSocket

/// The metrics of a load, on a loop of their own.
final class LoadMetrics {
    private let loop = IOLoop()
    private let server: HTTPServer

    /// - Throws: status 64 when the address cannot be listened on.
    init(_ address: (host: String, port: Int), _ sender: Sender, _ queue: LoadQueue, _ rejects: Rejects) throws(ToolFailure) {
        let endpoint = MetricsEndpoint(
            contentType: MetricsText.contentType, text: { Self.text(sender, queue, rejects) }, trouble: { sender.trouble })
        do throws(ListenError) {
            server = try HTTPServer.listen(host: address.host, port: address.port, identity: nil, on: loop, service: endpoint)
        } catch {
            loop.close()
            throw ToolFailure(.usage, "--metrics-listen: \(error)")
        }
    }

    func close() {
        server.close()
        loop.close()
    }

    private static func text(_ sender: Sender, _ queue: LoadQueue, _ rejects: Rejects) -> [UInt8] {
        var text = MetricsText()
        let (stats, depth) = (sender.stats, queue.depth)
        text.family("k2_load_rows_inserted_total", help: "Rows that ClickHouse took, repeated ones included.", .counter)
        for (table, rows) in stats.rowsByTable.sorted(by: { $0.key < $1.key }) { text.sample([("table", table)], rows) }
        text.family("k2_load_batches_total", help: "Inserts that ClickHouse took.", .counter)
        text.sample([], stats.batches)
        text.family("k2_load_retries_total", help: "Inserts that have to be tried again.", .counter)
        text.sample([], sender.retries)
        text.family("k2_load_rejected_total", help: "Lines and rows that cannot be stored.", .counter)
        text.sample([], rejects.count)
        text.family("k2_load_expired_rows_total", help: "Rows that were older than what their table keeps.", .counter)
        text.sample([], stats.expired)
        text.family("k2_load_spool_batches", help: "Batches on disk that wait for ClickHouse.", .gauge)
        text.sample([], depth.batches)
        text.family("k2_load_spool_bytes", help: "Bytes of them.", .gauge)
        text.sample([], depth.bytes)
        text.family("k2_load_last_success_timestamp", help: "Unix time at which ClickHouse took a batch last, seconds.", .gauge)
        if let time = sender.succeededAt { text.sample([], Double(time.microseconds) / 1_000_000) }
        return text.output.array
    }
}
