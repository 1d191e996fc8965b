import Dispatch
import Glibc
import K2CLI
import K2Capture
import K2Domain
import K2NDJSON
import K2WebSocket

/// Keeps the state of a capture in a file, written aside and renamed, off the loop of the capture.
///
/// A state may be saved only when all records that it counts were delivered or spooled: it is offered with
/// the position of the output that it belongs to.
final class StateSaver {
    let path: String
    var onReport: ((String) -> Void)?
    private let worker: IOLoop
    private let loop: IOLoop
    private var waiting: (position: Int64, bytes: [UInt8])?
    private var saved: [UInt8] = []
    private(set) var isSaving = false
    private var isFailing = false

    init(path: String, worker: IOLoop, loop: IOLoop) {
        self.path = path
        self.worker = worker
        self.loop = loop
    }

    /// What an earlier run left; nil when there is nothing.
    static func load(_ path: String, exchange: Exchange) throws(ToolFailure) -> CaptureState? {
        guard let bytes = try InputFile.readIfPresent(path, what: "state file") else { return nil }
        do throws(CaptureState.Unreadable) { return try CaptureState(parsing: bytes, exchange: exchange) } catch {
            throw ToolFailure(
                .usage, "\(path): not a state file of k2-feed live: \(error)", hint: "name another file with --state, or remove this one")
        }
    }

    /// Offers the state that belongs to `position` of the output, which is safe up to `safe`. One that still waits keeps its place
    /// until it is safe: if newer ones took it, none would ever be saved while the output lags behind.
    func offer(_ state: @autoclosure () -> CaptureState, at position: Int64, safe: Int64) {
        if let waiting, safe < waiting.position { return }
        let before = waiting
        let bytes = state().bytes
        if safe >= position {
            waiting = nil
            save(bytes)
        } else {
            waiting = (position, bytes)
            if let before { save(before.bytes) }
        }
    }

    private func save(_ bytes: [UInt8]) {
        guard !isSaving, bytes != saved else { return }
        isSaving = true
        saved = bytes
        let path = self.path
        let finish = LoopBound { [weak self] (failure: StreamError?) in self?.ended(failure) }
        worker.run { [loop] in
            let failure = Self.write(bytes, to: path)
            loop.run { finish.body(failure) }
        }
    }

    private func ended(_ failure: StreamError?) {
        isSaving = false
        if let failure {
            saved = []
            if !isFailing { onReport?("\(failure); trying again") }
        }
        isFailing = failure != nil
    }

    /// Saves the last state, at the end. Waits for one that is being written: both go by the same name.
    /// Called on the loop of the capture, where NIO allows no wait for another loop: hence not `runAndWait`.
    func finish(_ state: CaptureState) throws(StreamError) {
        let (bytes, path) = (state.bytes, path)
        let answer = Answer()
        worker.run {
            answer.failure = Self.write(bytes, to: path)
            answer.isThere.signal()
        }
        answer.isThere.wait()
        if let failure = answer.failure { throw failure }
    }

    /// What came of the last save. Unchecked: written before the signal, read behind it.
    private final class Answer: @unchecked Sendable {
        let isThere = DispatchSemaphore(value: 0)
        var failure: StreamError?
    }

    private static func write(_ bytes: [UInt8], to path: String) -> StreamError? {
        let aside = path + ".new"
        let descriptor = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return StreamError(.writeFailed, name: aside, errno: errno) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno != EINTR { return StreamError(.writeFailed, name: aside, errno: errno) }
            written += max(count, 0)
        }
        guard fsync(descriptor) == 0, rename(aside, path) == 0 else { return StreamError(.writeFailed, name: path, errno: errno) }
        return nil
    }
}

/// A body that belongs to one loop and is only carried through another thread.
struct LoopBound<Value>: @unchecked Sendable {
    let body: (Value) -> Void
    init(_ body: @escaping (Value) -> Void) { self.body = body }
}
