import K2ClickHouse
import K2Domain

/// The rows of one hour on both sides.
struct HourComparison: Equatable {
    /// Hours since 1970.
    var hour: Int64
    /// By age; ages without rows are left out.
    var warm: [WarmAge: AuditSums]
    /// nil: the lake has none.
    var cold: AuditSums?

    var warmRows: Int64 { warm.values.reduce(0) { $0 + $1.rows } }
    var coldRows: Int64 { cold?.rows ?? 0 }

    /// The warm rows that the lake's equal: those that it must have, or these with what came shortly before the watermark, or all. Nil when none of these
    /// are equal.
    var equal: AuditSums? {
        let count = cold?.measures.count ?? warm.values.first?.measures.count ?? 0
        let wanted = cold ?? AuditSums(measures: count)
        var sums = AuditSums(measures: count)
        for ages in [[WarmAge.settled, .unordered], [.recent], [.new]] {
            for age in ages { if let more = warm[age] { sums.add(more) } }
            if sums == wanted { return sums }
        }
        return nil
    }

    /// Both sides, hour by hour, in order.
    static func all(_ warm: [WarmHour], _ cold: [Int64: AuditSums]) -> [HourComparison] {
        var hours: [Int64: HourComparison] = [:]
        for (hour, sums) in cold { hours[hour] = HourComparison(hour: hour, warm: [:], cold: sums) }
        for line in warm {
            hours[line.hour, default: HourComparison(hour: line.hour, warm: [:], cold: nil)].warm[line.age] = line.sums
        }
        return hours.values.sorted { $0.hour < $1.hour }
    }
}

/// Hours whose rows are compared one by one, at once.
struct HourChunk: Equatable {
    var hours: [Int64]
    /// Into how many shares the rows are dealt, one compared after the other.
    var parts: Int

    /// Deals hours that differ into chunks of about `limit` rows of either side.
    static func chunks(_ hours: [HourComparison], limit: Int64) -> [HourChunk] {
        var chunks: [HourChunk] = []
        var waiting: Int64 = 0
        for hour in hours {
            let rows = max(hour.warmRows, hour.coldRows)
            if rows > limit {
                chunks.append(HourChunk(hours: [hour.hour], parts: Int((rows + rows / 8 + limit - 1) / limit)))
                waiting = limit
            } else if waiting + rows > limit || chunks.last.map({ $0.parts > 1 }) ?? true {
                chunks.append(HourChunk(hours: [hour.hour], parts: 1))
                waiting = rows
            } else {
                chunks[chunks.count - 1].hours.append(hour.hour)
                waiting += rows
            }
        }
        return chunks
    }
}
