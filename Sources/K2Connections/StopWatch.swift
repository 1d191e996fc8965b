import Dispatch
import Glibc
import K2CLI
import K2HTTP

/// Sets a flag when the tool is to stop: a request that waits for a server ends then.
public final class StopWatch: Sendable {
    private let ended = AbortFlag()

    public init(_ abort: AbortFlag) {
        let ended = ended
        let thread = DispatchQueue(label: "k2.stop")
        thread.async {
            while !ended.isSet {
                var stop = pollfd(fd: Shutdown.descriptor, events: Int16(POLLIN), revents: 0)
                if poll(&stop, 1, Self.lookInterval) > 0 { return abort.set() }
            }
        }
    }

    /// Milliseconds.
    private static let lookInterval: Int32 = 100

    public func cancel() { ended.set() }
}
