import Glibc

/// The descriptor that turns readable, and stays so, when a tool should stop.
public enum StopDescriptor {
    /// Whether it is readable now. −1 is a descriptor that never is.
    public static func isReadable(_ descriptor: Int32) -> Bool {
        var stop = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return descriptor >= 0 && poll(&stop, 1, 0) > 0
    }
}
