import K2Bytes

/// The candle intervals of the stream and of the gold tables.
public enum CandleInterval: String, CaseIterable, Sendable {
    case oneMinute = "1m"
    case fiveMinutes = "5m"
    case fifteenMinutes = "15m"
    case thirtyMinutes = "30m"
    case oneHour = "1h"
    case oneDay = "1d"

    /// Width of the half-open window in microseconds.
    public var width: Int64 {
        switch self {
        case .oneMinute: 60_000_000
        case .fiveMinutes: 300_000_000
        case .fifteenMinutes: 900_000_000
        case .thirtyMinutes: 1_800_000_000
        case .oneHour: 3_600_000_000
        case .oneDay: 86_400_000_000
        }
    }

    public var name: StaticString {
        switch self {
        case .oneMinute: "1m"
        case .fiveMinutes: "5m"
        case .fifteenMinutes: "15m"
        case .thirtyMinutes: "30m"
        case .oneHour: "1h"
        case .oneDay: "1d"
        }
    }

    public init?(_ name: Span<UInt8>) {
        for interval in CandleInterval.allCases where name.equals(interval.name) {
            self = interval
            return
        }
        return nil
    }
}
