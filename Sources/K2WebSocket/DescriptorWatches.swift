import Dispatch
import Glibc

/// Waits for descriptors with poll(2), each on a thread of its own: they are few, and wait for the whole of a run.
///
/// Dispatch's sources are not used: cancelling one while its event is on the way can crash the process.
final class DescriptorWatches: Sendable {
    /// Both ends of a pipe; closing the second one wakes all who wait.
    private let wake: (read: Int32, write: Int32)
    private let threads = DispatchGroup()

    init() {
        var ends: (Int32, Int32) = (-1, -1)
        let made = withUnsafeMutablePointer(to: &ends) { $0.withMemoryRebound(to: Int32.self, capacity: 2) { pipe($0) } }
        precondition(made == 0, "no descriptors are left")
        _ = fcntl(ends.0, F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends.1, F_SETFD, FD_CLOEXEC)
        wake = ends
    }

    deinit { Glibc.close(wake.read) }

    /// Calls `body` once, on another thread, as soon as `descriptor` has bytes to read, is at its end or broken.
    ///
    /// The descriptor may be closed meanwhile: a copy of it is watched.
    /// - Precondition: `descriptor` is open, `close` was not called.
    func add(_ descriptor: Int32, _ body: @escaping @Sendable () -> Void) {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        precondition(copy >= 0, "a descriptor that is not open cannot be watched")
        let wake = wake.read
        DispatchQueue(label: "k2.watch").async(group: threads) {
            var both = [pollfd(fd: copy, events: Int16(POLLIN), revents: 0), pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
            while both[0].revents == 0, both[1].revents == 0 { _ = poll(&both, 2, -1) }
            Glibc.close(copy)
            if both[1].revents == 0 { body() }
        }
    }

    /// Ends all waiting. Called once.
    func close() {
        Glibc.close(wake.write)
        threads.wait()
    }
}
