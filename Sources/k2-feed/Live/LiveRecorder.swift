import K2Bytes
import K2CLI
import K2Domain
import K2NDJSON

/// The recording of a live capture. It goes on after an error: a full disk must not stop the capture.
final class LiveRecorder {
    private var writer: RecordingWriter
    private let diagnostics: Diagnostics
    private let exchange: Exchange
    private var isFailing = false

    init(folder: String, exchange: Exchange, format: RecordingFormat, diagnostics: Diagnostics) throws(ToolFailure) {
        writer = RecordingWriter(directory: folder, exchange: exchange, format: format)
        self.diagnostics = diagnostics
        self.exchange = exchange
        do throws(StreamError) { try writer.prepare(at: WallClock.now()) } catch {
            throw ToolFailure(.failed, "\(error)")
        }
    }

    /// Takes the last `count` bytes of the output, whole lines.
    func append(last count: Int, of output: borrowing ByteWriter, at time: Timestamp) {
        let lines = output.bytes.extracting(max(0, output.count - count)...)
        do throws(StreamError) { try writer.append(lines, at: time) } catch { note(error) }
    }

    /// Ends a member: what was recorded so far can be read, whatever happens.
    func flush() {
        do throws(StreamError) {
            try writer.flush()
            if isFailing { diagnostics.report("\(exchange.rawValue): recording again; \(writer.lostBytes) bytes were not recorded") }
            isFailing = false
        } catch { note(error) }
    }

    func close() {
        do throws(StreamError) { try writer.close() } catch { note(error) }
    }

    private func note(_ error: StreamError) {
        if !isFailing { diagnostics.report("\(exchange.rawValue): recording: \(error)") }
        isFailing = true
    }
}
