import K2ClickHouse
import K2Domain
import K2Rows

/// Splits rows so that no insert touches more partitions than ClickHouse allows at once (`max_partitions_per_insert_block`, 100).
enum PartitionSets {
    static let maxPartitions = 90

    /// Row numbers of each insert; nil stands for all rows. Dead rows are in none.
    static func split(_ buffer: borrowing RowBuffer) -> [[UInt32]?] {
        if buffer.liveCount == 0 { return [] }
        let times = buffer.times
        let isMonthly = buffer.definition.partition.contains { if case .month = $0 { true } else { false } }
        // Days are no finer than what any table is partitioned by.
        if let oldest = times.min(), let newest = times.max(), day(newest) - day(oldest) < maxPartitions {
            return [buffer.dead.isEmpty ? nil : buffer.liveRows]
        }
        var rows: [Int64: [UInt32]] = [:]
        for row in buffer.liveRows { rows[isMonthly ? month(times[Int(row)]) : day(times[Int(row)]), default: []].append(row) }
        let partitions = rows.keys.sorted()
        return stride(from: 0, to: partitions.count, by: maxPartitions).map { start in
            partitions[start..<min(start + maxPartitions, partitions.count)].flatMap { rows[$0]! }
        }
    }

    private static func day(_ time: Int64) -> Int64 { Timestamp(microseconds: time).day }

    private static func month(_ time: Int64) -> Int64 {
        let date = Timestamp.civil(day: day(time))
        return Int64(date.year) * 12 + Int64(date.month)
    }
}
