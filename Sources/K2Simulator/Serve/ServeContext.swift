import K2Bytes

/// What the sessions of an exchange share: the output of the current step, and the rules that faults change.
struct ServeContext: ~Copyable {
    /// Messages of `actions`, one after the other.
    var bytes = ByteWriter(capacity: 1 << 18)
    var actions: [ServeAction] = []
    /// For times of trades.
    var clock = ClockText()
    /// For times of sending, so that the two do not take turns in one.
    var sendClock = ClockText()
    /// For what does not belong to the trades.
    var random: RandomSource
    /// The exchange's time less the time that is passed in.
    var clockOffset: Int64 = 0
    /// How late subscriptions are acknowledged, µs.
    var ackDelay: Int64 = 0
    /// Symbols that cannot be subscribed, by index.
    var refused: Set<Int> = []
    /// Symbols that somebody has asked for.
    var wanted: Set<Int> = []
    var firstWantedAt: Int64?
    private(set) var messages = 0

    init(seed: UInt64) { random = RandomSource(seed: seed, stream: 12) }

    /// The exchange's time for a time that was passed in.
    func wire(_ time: Int64) -> Int64 { time + clockOffset }

    mutating func clear() {
        bytes.removeAll()
        actions.removeAll(keepingCapacity: true)
    }

    /// Notes that `symbol` was asked for. Returns whether it may be had.
    mutating func want(_ symbol: Int, at time: Int64) -> Bool {
        wanted.insert(symbol)
        if firstWantedAt == nil { firstWantedAt = time }
        return !refused.contains(symbol)
    }

    /// Sends what was appended since `start`.
    mutating func send(from start: Int, to link: ServeLink) {
        guard !link.isSilent else { return bytes.truncate(to: start) }
        messages += 1
        if link.fragments > 0 {
            link.fragments -= 1
            actions.append(.fragments(link.connection, start..<bytes.count))
        } else {
            actions.append(.text(link.connection, start..<bytes.count))
        }
    }

    /// Sends a message with trades, which may have to change places with a later one.
    mutating func sendTrades(from start: Int, to link: ServeLink, at time: Int64) {
        if link.reorders > 0, link.waiting == nil {
            link.reorders -= 1
            link.waiting = (Array(bytes.array[start...]), 1 + random.below(5), time)
            return bytes.truncate(to: start)
        }
        send(from: start, to: link)
        guard let waiting = link.waiting else { return }
        link.waiting?.messages -= 1
        if waiting.messages == 1 { release(link) }
    }

    /// Sends the message that waits for others.
    mutating func release(_ link: ServeLink) {
        guard let waiting = link.waiting else { return }
        link.waiting = nil
        send(waiting.bytes, to: link)
    }

    mutating func send(_ message: [UInt8], to link: ServeLink) {
        let start = bytes.count
        bytes.append(message)
        send(from: start, to: link)
    }

    mutating func send(_ message: String, to link: ServeLink) { send(Array(message.utf8), to: link) }

    mutating func sendRaw(_ frame: [UInt8], to link: ServeLink) {
        guard !link.isSilent else { return }
        let start = bytes.count
        bytes.append(frame)
        actions.append(.raw(link.connection, start..<bytes.count))
    }

    mutating func ping(_ payload: String, _ link: ServeLink) {
        guard !link.isSilent else { return }
        let start = bytes.count
        bytes.append(string: payload)
        actions.append(.ping(link.connection, start..<bytes.count))
    }

    /// Sends a close frame, and nothing after it.
    mutating func close(_ link: ServeLink, _ code: UInt16, _ reason: StaticString) {
        guard !link.isSilent else { return }
        actions.append(.close(link.connection, code: code, reason: reason))
        link.isSilent = true
    }

    /// Ends the connection without a word.
    mutating func drop(_ link: ServeLink) {
        actions.append(.drop(link.connection))
        link.isSilent = true
        link.cutAt = nil
    }
}
