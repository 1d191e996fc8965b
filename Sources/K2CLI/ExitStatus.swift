/// The exit statuses of all tools.
public enum ExitStatus: Int32, Sendable {
    /// Done, also when the reader of our stdout has left.
    case done = 0
    case failed = 1
    /// A check found a difference.
    case different = 3
    /// A check could not decide.
    case undecided = 4
    /// Wrong usage or configuration.
    case usage = 64
    /// Input refused: `--strict`, or records that could be kept nowhere.
    case badInput = 65
    case noInput = 66
    /// Refused for good by a remote service.
    case unavailable = 69
    /// Try again later: a lease is held, or retries are used up.
    case temporary = 75
    /// It is not known whether a commit took place: reconcile before doing anything else.
    case unknownOutcome = 76
}

/// An error that ends a tool: the line for stderr without the tool's name, and the exit status.
public struct ToolFailure: Error, Sendable, CustomStringConvertible {
    public var status: ExitStatus
    /// `where: what went wrong: found vs expected`.
    public var message: String
    /// Something the user can do, or nil.
    public var hint: String?

    public init(_ status: ExitStatus, _ message: String, hint: String? = nil) {
        self.status = status
        self.message = message
        self.hint = hint
    }

    public var description: String { message }
}
