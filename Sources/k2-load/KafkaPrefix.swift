import K2Bytes

/// Lines as `kcat -f '%p %o %s\n'` prints them: partition, offset, and the record.
enum KafkaPrefix {
    /// The record of a line, and of a bronze record one with `kafka_partition` and `kafka_offset` at its end.
    /// - Returns: where the record starts in `line`; nil when the line does not begin so.
    static func read(_ line: Span<UInt8>, into output: inout ByteWriter) -> Int? {
        guard let partition = number(line, from: 0), let offset = number(line, from: partition + 1) else { return nil }
        let start = offset + 1
        let record = line.extracting(start..<line.count)
        output.removeAll()
        guard record.count > bronze.utf8CodeUnitCount, record.extracting(0..<bronze.utf8CodeUnitCount).equals(bronze),
            record[record.count - 1] == UInt8(ascii: "}")
        else {
            output.append(record)
            return start
        }
        output.append(record.extracting(0..<record.count - 1))
        output.append(",\"kafka_partition\":")
        output.append(line.extracting(0..<partition))
        output.append(",\"kafka_offset\":")
        output.append(line.extracting(partition + 1..<offset))
        output.append("}")
        return start
    }

    private static let bronze: StaticString = "{\"kind\":\"bronze\","

    /// The end of the digits from `start` on, which a space follows.
    private static func number(_ line: Span<UInt8>, from start: Int) -> Int? {
        var end = start
        while end < line.count, line[end] &- 0x30 <= 9 { end += 1 }
        return end > start && end < line.count && line[end] == 0x20 ? end : nil
    }
}
