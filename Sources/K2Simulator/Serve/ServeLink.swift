/// What is known about one connection, whatever the exchange.
final class ServeLink {
    let connection: Int
    let openedAt: Int64
    /// By symbol.
    var subscribed: [Bool]
    /// Frozen, half-open or ended: nothing is sent any more.
    var isSilent = false
    /// When the connection is dropped, for those that a fault has doomed.
    var cutAt: Int64?
    /// Messages that will go in several frames.
    var fragments: Int64 = 0
    /// Trade messages that will change places with a later one.
    var reorders: Int64 = 0
    /// The message that waits, for how many others, and since when.
    var waiting: (bytes: [UInt8], messages: Int64, since: Int64)?

    init(_ connection: Int, symbols: Int, at time: Int64) {
        self.connection = connection
        openedAt = time
        subscribed = Array(repeating: false, count: symbols)
    }

    var isSubscribed: Bool { subscribed.contains(true) }
}
