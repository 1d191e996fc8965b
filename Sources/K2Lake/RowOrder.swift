import K2Domain
import K2Iceberg
import K2Rows

/// The rows of one partition, in the order in which its data file holds them.
struct PartitionRows {
    /// One value for each field of the partition spec.
    var partition: [Datum?]
    var rows: ArraySlice<UInt32>
}

/// Puts the live rows of a buffer in order: by partition, then by the table's sort order (a string
/// column, then a time), then by sequence.
///
/// Rows arrive nearly sorted by time, so they are first dealt into one pile per (partition, string), in
/// O(n); a pile is sorted only if it is not in order already.
struct RowOrder {
    private(set) var order: [UInt32] = []
    private(set) var partitions: [PartitionRows] = []

    /// What rows of one pile have in common.
    private struct Pile {
        var partition: [Datum?]
        var key: [UInt8]
        var rows: [UInt32] = []
    }

    private struct PileKey: Hashable {
        var buckets: [Int64]
        var key: [UInt8]
    }

    /// - Parameter rules: one for each field of the spec; the definition's when nil.
    init(_ buffer: RowBuffer, spec: PartitionSpec, rules: [PartitionRule]? = nil) throws(IcebergError) {
        let definition = buffer.definition
        let strings = buffer.columns[definition.index(of: definition.sortOrder[0])!].strings
        let times = buffer.columns[definition.index(of: definition.sortOrder[1])!].int64s
        let sequences = Self.sequences(buffer)
        var piles = try Self.deal(buffer, strings, Self.partitionFields(buffer, spec, rules ?? definition.partition))
        piles.sort { Self.precedes($0, $1) }
        order.reserveCapacity(buffer.liveCount)
        for pile in piles {
            let start = order.count
            order += Self.sorted(pile.rows, times, sequences)
            if let last = partitions.last, last.partition == pile.partition {
                partitions[partitions.count - 1].rows = order[last.rows.startIndex..<order.count]
            } else {
                partitions.append(PartitionRows(partition: pile.partition, rows: order[start..<order.count]))
            }
        }
        // The slices above may hold older copies of the growing array: cut them from the finished one.
        for index in partitions.indices {
            partitions[index].rows = order[partitions[index].rows.startIndex..<partitions[index].rows.endIndex]
        }
    }

    private static func sequences(_ buffer: RowBuffer) -> [Int64]? {
        let definition = buffer.definition
        guard let index = definition.index(of: "source_sequence") ?? definition.index(of: "sequence_number") else { return nil }
        return buffer.columns[index].int64s
    }

    private static func deal(_ buffer: RowBuffer, _ strings: StringBuilder, _ fields: [Field]) throws(IcebergError) -> [Pile] {
        var piles: [Pile] = []
        var numbers: [PileKey: Int] = [:]
        var recent: [(code: UInt32, buckets: [Int64], pile: Int)] = []
        var buckets = [Int64](repeating: 0, count: fields.count)
        let hasDead = !buffer.dead.isEmpty
        for row in 0..<buffer.rowCount {
            if hasDead, buffer.dead.contains(UInt32(row)) { continue }
            for (index, field) in fields.enumerated() { buckets[index] = field.bucket(row) }
            let code = strings.code(row)
            if let code, Int(code) < recent.count, recent[Int(code)].pile >= 0, recent[Int(code)].buckets == buckets {
                piles[recent[Int(code)].pile].rows.append(UInt32(row))
                continue
            }
            let key = PileKey(buckets: buckets, key: strings.value(row))
            let pile: Int
            if let known = numbers[key] {
                pile = known
            } else {
                pile = piles.count
                numbers[key] = pile
                var partition: [Datum?] = []
                for field in fields { partition.append(try field.value(row)) }
                piles.append(Pile(partition: partition, key: key.key))
            }
            piles[pile].rows.append(UInt32(row))
            if let code {
                while recent.count <= Int(code) { recent.append((0, [], -1)) }
                recent[Int(code)] = (code, buckets, pile)
            }
        }
        return piles
    }

    /// One field of the partition spec over the columns of a buffer.
    private struct Field {
        let rule: PartitionRule
        let column: ColumnBuilder
        let transform: Transform

        /// A number that is equal exactly for rows of equal partition values, but for strings that are
        /// not interned.
        func bucket(_ row: Int) -> Int64 {
            switch rule {
            case .day: Timestamp(microseconds: column.int64s[row]).day
            case .month:
                {
                    let date = Timestamp.civil(day: Timestamp(microseconds: column.int64s[row]).day)
                    return date.year * 12 + date.month
                }()
            case .identity:
                column.strings.code(row).map { Int64($0) }
                    ?? Int64(truncatingIfNeeded: Digest.hash128(column.strings.value(row).span))
            }
        }

        func value(_ row: Int) throws(IcebergError) -> Datum? {
            switch rule {
            case .identity: try transform.apply(.string(String(decoding: column.strings.value(row), as: UTF8.self)))
            default: try transform.apply(.timestamp(column.int64s[row]))
            }
        }
    }

    private static func partitionFields(_ buffer: RowBuffer, _ spec: PartitionSpec, _ rules: [PartitionRule]) -> [Field] {
        zip(rules, spec.fields).compactMap { rule, field in
            let name =
                switch rule {
                case .day(let column), .month(let column), .identity(let column): column
                }
            return buffer.definition.index(of: name).map {
                Field(rule: rule, column: buffer.columns[$0], transform: field.transform)
            }
        }
    }

    private static func precedes(_ a: Pile, _ b: Pile) -> Bool {
        for (x, y) in zip(a.partition, b.partition) where x != y {
            guard let x, let y else { return x == nil }
            return Datum.isLess(x, y) ?? false
        }
        return a.key.lexicographicallyPrecedes(b.key)
    }

    private static func sorted(_ rows: [UInt32], _ times: [Int64], _ sequences: [Int64]?) -> [UInt32] {
        times.withUnsafeBufferPointer { times in
            func isBefore(_ a: UInt32, _ b: UInt32) -> Bool {
                let x = times[Int(a)], y = times[Int(b)]
                if x != y { return x < y }
                guard let sequences, sequences[Int(a)] != sequences[Int(b)] else { return a < b }
                return sequences[Int(a)] < sequences[Int(b)]
            }
            for index in rows.indices.dropFirst() where isBefore(rows[index], rows[index - 1]) {
                return rows.sorted(by: isBefore)
            }
            return rows
        }
    }
}
