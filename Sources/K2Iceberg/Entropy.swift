import Glibc

/// The clock, chance and waiting, handed in so that everything else can be replayed exactly.
public struct CommitEnvironment: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var nowMS: @Sendable () -> Int64
    /// 16 random bytes.
    public var random16: @Sendable () -> [UInt8]
    public var sleepMS: @Sendable (Int64) -> Void

    public init(
        nowMS: @escaping @Sendable () -> Int64, random16: @escaping @Sendable () -> [UInt8], sleepMS: @escaping @Sendable (Int64) -> Void
    ) {
        self.nowMS = nowMS
        self.random16 = random16
        self.sleepMS = sleepMS
    }

    /// The machine's own.
    public static let system = CommitEnvironment(
        nowMS: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
        },
        random16: {
            var generator = SystemRandomNumberGenerator()
            return (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        },
        sleepMS: { milliseconds in
            var time = timespec(tv_sec: Int(milliseconds / 1_000), tv_nsec: Int(milliseconds % 1_000) * 1_000_000)
            var rest = timespec()
            while nanosleep(&time, &rest) != 0 && errno == EINTR { time = rest }
        })
}

/// A version 4 UUID.
public struct UUIDText: Equatable, Sendable, CustomStringConvertible {
    public let bytes: [UInt8]

    /// - Precondition: 16 bytes, of which 122 bits are used as they are.
    public init(random bytes: [UInt8]) {
        precondition(bytes.count == 16)
        var bytes = bytes
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        self.bytes = bytes
    }

    public var description: String {
        var text = ""
        for (place, byte) in bytes.enumerated() {
            if place == 4 || place == 6 || place == 8 || place == 10 { text += "-" }
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return text
    }
}

/// Who makes a snapshot: the same over all attempts of one commit, apart from the attempt's number and time.
public struct CommitIdentity: Equatable, Sendable {
    /// Positive.
    public var snapshotID: Int64
    public var uuid: UUIDText
    public var attempt: Int
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var timestampMS: Int64

    public init(snapshotID: Int64, uuid: UUIDText, attempt: Int = 0, timestampMS: Int64) {
        self.snapshotID = snapshotID
        self.uuid = uuid
        self.attempt = attempt
        self.timestampMS = timestampMS
    }

    /// Draws ids from `environment`.
    public init(_ environment: CommitEnvironment) {
        let uuid = UUIDText(random: environment.random16())
        // As other writers do: both halves of a UUID folded, without the sign.
        var folded: UInt64 = 0
        for place in 0..<8 { folded = folded << 8 | UInt64(uuid.bytes[place] ^ uuid.bytes[place + 8]) }
        let id = Int64(folded & 0x7fff_ffff_ffff_ffff)
        self.init(snapshotID: max(id, 1), uuid: uuid, timestampMS: environment.nowMS())
    }

    /// 16 bytes that differ from file to file of this commit.
    func syncMarker(_ number: Int) -> [UInt8] {
        var bytes = uuid.bytes
        bytes[0] ^= UInt8(truncatingIfNeeded: number)
        bytes[1] ^= UInt8(truncatingIfNeeded: number >> 8)
        bytes[2] ^= UInt8(truncatingIfNeeded: attempt)
        return bytes
    }
}
