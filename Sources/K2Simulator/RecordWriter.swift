import K2Bytes
import K2Domain

/// Writes `raw` records: the envelope here, the message between `begin` and `end` by a session.
struct RecordWriter: ~Copyable {
    var bytes = ByteWriter(capacity: 1 << 17)
    var clock = ClockText()
    /// For what does not belong to the trades: delays, ids of connections, heartbeats.
    var random: RandomSource

    private let exchange: Exchange
    /// By origin: everything up to the time.
    private let heads: [[UInt8]]
    /// From the time to the sequence number.
    private var middle: [UInt8] = []
    private var sequence: UInt64 = 0
    private var lastReceived = Int64.min

    init(exchange: Exchange, seed: UInt64) {
        random = RandomSource(seed: seed, stream: 4)
        self.exchange = exchange
        heads = Origin.allCases.map {
            Array("{\"kind\":\"raw\",\"exchange\":\"\(exchange.name)\",\"origin\":\"\($0.name)\",\"received_at\":\"".utf8)
        }
        connect()
    }

    /// Starts a new connection: another name, and its messages are counted from 1.
    mutating func connect() {
        var writer = ByteWriter()
        writer.append("\",\"connection\":\"")
        writer.appendHex(random.next(), digits: 4)
        writer.append("\",\"sequence\":")
        middle = writer.array
        sequence = 0
    }

    /// Starts the record of a message that the exchange sent at `time`; ends before `"request"` or `"message"`.
    /// The receive time is 3 to 25 ms later and never goes back.
    mutating func begin(_ origin: Origin, sentAt time: Int64) {
        sequence += 1
        lastReceived = max(time + 3_000 + random.below(22_000), lastReceived + 20)
        bytes.append(heads[Int(origin.rawValue)])
        clock.append(lastReceived, to: &bytes)
        bytes.append(middle)
        bytes.append(decimal: sequence)
    }

    mutating func end() { bytes.append("}\n") }

    /// One whole record of a fixed message.
    mutating func record(_ origin: Origin, sentAt time: Int64, message: String) {
        begin(origin, sentAt: time)
        bytes.append(",\"message\":")
        bytes.append(string: message)
        end()
    }
}
