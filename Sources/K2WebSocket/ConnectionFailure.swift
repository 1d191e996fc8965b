import NIOCore
import NIOPosix

/// Errors of NIO in our words.
enum ConnectionFailure {
    /// For a connection that did not come about. `place`: `host:port` that was connected to.
    static func connecting(_ error: any Error, to place: String) -> WebSocketEnd {
        if let error = error as? NIOConnectionError {
            if let first = error.connectionErrors.first { return connecting(first.error, to: place) }
            return .unreachable("\(place): cannot find the address of this name")
        }
        if case .connectTimeout? = error as? ChannelError { return .timedOut }
        return .unreachable("\(place): \(text(error))")
    }

    static func text(_ error: any Error) -> String {
        if let error = error as? IOError { return SystemText.of(errno: error.errnoCode) }
        return "\(error)"
    }
}
