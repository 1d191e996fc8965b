import K2Bytes
import K2Capture
import ArgumentParser
import K2CLI
import K2Domain
import K2WebSocket
enum RecordingFormat: String, ExpressibleByArgument { case gzip, zstd }
final class LiveRecorder {
    init(folder: String, exchange: Exchange, format: RecordingFormat, diagnostics: Diagnostics) {}
    func append(last count: Int, of output: borrowing ByteWriter, at: Timestamp) {}
    func flush() {}
    func close() {}
}
final class CaptureMetrics {
    var connections = 0, reconnects = 0, restFailures = 0
    var lastMessage: Timestamp?
    func noteLag(_ micros: Int64) {}
}
final class MetricsService: HTTPService {
    init(_ live: LiveCapture) {}
    func handle(_ request: ServerRequest, _ reply: ReplyHandle) { reply.send(ServerReply(status: 200)) }
}
enum SymbolsFile { static func read(_ path: String, exchange: Exchange) throws(ToolFailure) -> [String] { [] } }
enum InstrumentMatch {
    enum Result { case found(Int), unknown(nearest: [String]) }
    static func resolve(_ wanted: String, among: [[String]]) -> Result {
        func plain(_ s: String) -> String { s.uppercased().filter { $0 != "/" && $0 != "-" } }
        if let index = among.firstIndex(where: { $0.contains { plain($0) == plain(wanted) } }) { return .found(index) }
        return .unknown(nearest: [])
    }
}
extension LiveCapture { func reload() {}; func reportStats() { report("\(capture.counts)") } }
