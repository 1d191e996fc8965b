/// What the server of a simulated exchange has to do next. Ranges are bytes of the output that comes with the action.
public enum ServeAction: Sendable {
    /// Sends a text message.
    case text(Int, Range<Int>)
    /// Sends a text message in several frames.
    case fragments(Int, Range<Int>)
    /// Puts bytes on the wire as they are, without a frame around them.
    case raw(Int, Range<Int>)
    /// Sends a ping with this payload.
    case ping(Int, Range<Int>)
    case close(Int, code: UInt16, reason: StaticString)
    /// Ends the TCP connection at once.
    case drop(Int)
    /// Sends nothing any more, also no pongs; the connection stays.
    case freeze(Int)
    /// Neither reads nor sends any more; the connection stays.
    case halfOpen(Int)
    /// Lets bytes trickle for so many µs.
    case slow(Int, microseconds: Int64)

    /// The connection it is about.
    public var connection: Int {
        switch self {
        case .text(let id, _), .fragments(let id, _), .raw(let id, _), .ping(let id, _), .close(let id, _, _), .drop(let id),
            .freeze(let id), .halfOpen(let id), .slow(let id, _):
            id
        }
    }
}
