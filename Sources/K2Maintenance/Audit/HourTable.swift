import K2Domain

/// The hours of the rows of a file, and their sums in the making.
struct HourTable {
    /// Of rows that do not count: deleted, or outside the range.
    static let noHour: UInt32 = .max

    private let measureCount: Int
    private var numbers: [Int64: Int] = [:]
    /// By number, as they came up.
    private(set) var hours: [Int64] = []
    private(set) var sums: [AuditSums] = []

    init(measures count: Int) { measureCount = count }

    /// The number of each row's hour.
    /// - Parameters:
    ///   - times: µs, one a row.
    ///   - range: of times that count.
    mutating func place(_ times: [Int64], in range: Range<Int64>) -> [UInt32] {
        var places = [UInt32](repeating: Self.noHour, count: times.count)
        // The rows of a file are sorted: the hour changes rarely.
        var (start, end, place) = (Int64(0), Int64(0), Self.noHour)
        for row in times.indices {
            let time = times[row]
            if time < start || time >= end {
                guard range.contains(time) else { continue }
                let hour = AuditHour.of(time)
                place = UInt32(number(hour))
                start = max(hour * AuditHour.microseconds, range.lowerBound)
                end = min((hour + 1) * AuditHour.microseconds, range.upperBound)
            }
            places[row] = place
        }
        return places
    }

    private mutating func number(_ hour: Int64) -> Int {
        if let known = numbers[hour] { return known }
        numbers[hour] = hours.count
        hours.append(hour)
        sums.append(AuditSums(measures: measureCount))
        return hours.count - 1
    }

    /// Adds a decimal to the sums of its rows' hours.
    /// - Parameters:
    ///   - index: which measure it is.
    ///   - positions: of the rows' values, as in `ColdColumn.positions`.
    mutating func add(_ values: WideValues, at positions: [Int32]?, measure index: Int, places: [UInt32]) {
        var measures = [Measure](repeating: .none, count: hours.count)
        for row in places.indices where places[row] != Self.noHour {
            let position = positions.map { Int($0[row]) } ?? row
            guard position >= 0 else { continue }
            let (place, value) = (Int(places[row]), values[position])
            measures[place].sum &+= value
            if value < measures[place].min { measures[place].min = value }
            if value > measures[place].max { measures[place].max = value }
        }
        for place in measures.indices { sums[place].measures[index].add(measures[place]) }
    }

    /// Adds the rows themselves.
    mutating func add(hashes: [UInt64], times: [Int64], places: [UInt32]) {
        for row in places.indices where places[row] != Self.noHour {
            let place = Int(places[row])
            sums[place].rows += 1
            sums[place].hash &+= hashes[row]
            sums[place].check &+= RowHash.mix(hashes[row])
            if times[row] < sums[place].earliest { sums[place].earliest = times[row] }
            if times[row] > sums[place].latest { sums[place].latest = times[row] }
        }
    }
}
