import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// One event loop on one thread of its own. Everything of this module that reads or writes a socket belongs to
/// one loop; what is called and what is called back runs on its thread. NIO ignores SIGPIPE for the whole process.
///
/// Sendable although unchecked: `group` and `eventLoop` are thread-safe, and what changes is either behind a lock or touched on the loop only.
public final class IOLoop: @unchecked Sendable {
    private let group: MultiThreadedEventLoopGroup
    let eventLoop: any EventLoop
    private let isClosed = Mutex(false)
    /// Trust roots by file ("" is the system's); reading them takes milliseconds, so each is read once. On the loop only.
    var trust: [String: NIOSSLContext] = [:]
    /// Descriptors waited for by `whenReadable`.
    private let watches = DescriptorWatches()

    /// Starts the thread.
    public init() {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        eventLoop = group.next()
    }

    /// Whether `close` was called.
    var hasEnded: Bool { isClosed.withLock { $0 } }

    /// Whether the caller is on the thread of the loop.
    public var isCurrent: Bool { eventLoop.inEventLoop }

    /// Runs `body` on the loop, in a later turn; from any thread. Bodies run in the order they came.
    public func run(_ body: @escaping @Sendable () -> Void) { eventLoop.execute(body) }

    /// Runs `body` on the loop and waits for what it gives.
    /// - Precondition: not called on the loop, which would wait for itself; the loop is not closed.
    public func runAndWait<T, E: Error>(_ body: @escaping @Sendable () throws(E) -> T) throws(E) -> T {
        precondition(!isCurrent, "runAndWait on the loop itself")
        let answer = Answer<T, E>()
        let done = eventLoop.submit {
            do throws(E) { answer.result = .success(try body()) } catch { answer.result = .failure(error) }
        }
        try? done.wait()
        guard let result = answer.result else { preconditionFailure("the loop is closed") }
        return try result.get()
    }

    /// Runs `body` once, `microseconds` from now at the earliest. From any thread.
    @discardableResult
    public func schedule(after microseconds: Int64, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        let scheduled = eventLoop.scheduleTask(in: .microseconds(max(0, microseconds)), body)
        return LoopTimer { scheduled.cancel() }
    }

    /// Runs `body` again and again, the first time after `microseconds` and then so long after each end of it. From any thread.
    @discardableResult
    public func every(_ microseconds: Int64, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        let delay = TimeAmount.microseconds(max(1, microseconds))
        let task = eventLoop.scheduleRepeatedTask(initialDelay: delay, delay: delay) { _ in body() }
        return LoopTimer { task.cancel() }
    }

    /// Runs `body` on the loop, once, as soon as `descriptor` has bytes to read, is at its end or broken. Nothing is read. From any thread.
    ///
    /// The descriptor may be closed meanwhile: a copy of it is watched.
    /// - Precondition: `descriptor` is open.
    public func whenReadable(_ descriptor: Int32, _ body: @escaping @Sendable () -> Void) {
        watches.add(descriptor) { self.run(body) }
    }

    /// Closes what is still open on the loop, ends the thread and waits for it. A second call does nothing.
    /// - Precondition: not called on the loop.
    public func close() {
        precondition(!isCurrent, "close on the loop itself")
        let wasClosed = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return isClosed
        }
        if wasClosed { return }
        watches.close()
        try? group.syncShutdownGracefully()
    }
}

/// A body that is to run on a loop later.
public final class LoopTimer: Sendable {
    private let stop: @Sendable () -> Void

    init(_ stop: @escaping @Sendable () -> Void) { self.stop = stop }

    /// From any thread; on the loop the body surely does not run afterwards.
    public func cancel() { stop() }
}

/// What a body on the loop gave, carried to the thread that waits for it: written before the wait ends, read after it.
private final class Answer<T, E: Error>: @unchecked Sendable { var result: Result<T, E>? }
