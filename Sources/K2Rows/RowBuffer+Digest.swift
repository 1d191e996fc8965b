import K2Bytes
import K2Domain

extension RowBuffer {
    /// A digest of the values of a row in some columns: the same for equal values.
    /// - Parameter columns: positions of columns of texts, times, integers or booleans.
    public func digest(of row: Int, columns indices: [Int]) -> UInt128 {
        var text = ByteWriter(capacity: 96)
        for index in indices {
            switch definition.columns[index].type {
            case .timestamp, .int64: text.appendLittleEndian(columns[index].int64s[row])
            case .int32: text.appendLittleEndian(columns[index].int32s[row])
            case .boolean: text.append(columns[index].booleans[row] ? 1 : 0)
            default: text.append(columns[index].strings.value(row))
            }
            text.append("|")
        }
        return Digest.hash128(text.bytes)
    }
}
