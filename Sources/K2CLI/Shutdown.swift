import Glibc
import Synchronization

/// Turns SIGINT and SIGTERM into a readable descriptor, and ignores SIGPIPE and SIGXFSZ: writing fails instead.
///
/// The first signal asks the tool to stop reading, drain and flush; a second one ends the process
/// at once. Nothing else in the project touches signals.
public enum Shutdown {
    private static let received = Atomic<Int32>(0)
    private static let readEnd = Atomic<Int32>(-1)
    private static let writeEnd = Atomic<Int32>(-1)

    /// Installs the handlers. Called once, by `ToolMain`.
    static func install() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        holdStandardDescriptors()
        var ends: (Int32, Int32) = (-1, -1)
        withUnsafeMutablePointer(to: &ends) {
            _ = $0.withMemoryRebound(to: Int32.self, capacity: 2) { pipe($0) }
        }
        _ = fcntl(ends.0, F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends.1, F_SETFD, FD_CLOEXEC)
        readEnd.store(ends.0, ordering: .relaxed)
        writeEnd.store(ends.1, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in Shutdown.handle(number) }
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        var timer = sigaction()
        timer.__sigaction_handler.sa_handler = { _ in _exit(128 + Shutdown.received.load(ordering: .relaxed)) }
        sigaction(SIGALRM, &timer, nil)
    }

    /// Seconds after the first signal at which the process ends even if it is stuck, for instance
    /// because the reader of its stdout has stalled.
    private static let grace: UInt32 = 9

    /// Fills the places of closed standard streams, wrong way round so that their use still fails:
    /// otherwise the next file that is opened would be taken for them.
    private static func holdStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    private static func handle(_ number: Int32) {
        let (exchanged, _) = received.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        if !exchanged { _exit(128 + number) }
        // The call that was interrupted may not have looked at its error yet.
        let interrupted = errno
        defer { errno = interrupted }
        alarm(grace)
        var byte: UInt8 = 0
        _ = write(writeEnd.load(ordering: .relaxed), &byte, 1)
    }

    /// Takes SIGHUP as the request to read the configuration again; without this it ends the process.
    /// `descriptor` does not tell of it: look at `reloadCount`.
    public static func acceptReload() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Shutdown.reloads.wrappingAdd(1, ordering: .relaxed) }
        action.sa_flags = Int32(SA_RESTART)
        sigaction(SIGHUP, &action, nil)
    }

    private static let reloads = Atomic<Int>(0)

    /// How often SIGHUP came since `acceptReload`.
    public static var reloadCount: Int { reloads.load(ordering: .relaxed) }

    /// Becomes readable, and stays so, when the tool should stop. −1 before `install`.
    public static var descriptor: Int32 { readEnd.load(ordering: .relaxed) }

    /// The signal that asked us to stop, or nil.
    public static var signalNumber: Int32? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }
}
