import K2Bytes

/// Collects strings of a column: as codes of distinct values while these are few, then as they are.
public struct StringBuilder: Sendable {
    /// More distinct values than this are not worth interning.
    public static let maxDistinct = 1024

    public init() {}

    private var table = ByteTable()
    public private(set) var codes: [UInt32] = []
    /// The values as they are, once they are too many to be interned.
    public private(set) var plain: ByteColumn?
    /// Bytes of the values appended, for bounding memory.
    public private(set) var byteCount = 0

    public var count: Int { plain?.count ?? codes.count }

    public mutating func append(_ value: Span<UInt8>) {
        if plain == nil {
            // Many columns hold the same value for long stretches.
            if let last = codes.last, table.isKey(Int(last), value) {
                codes.append(last)
                byteCount += 4
                return
            }
            let before = table.count
            let code = table.insert(value)
            if code < Self.maxDistinct {
                codes.append(UInt32(truncatingIfNeeded: code))
                byteCount += table.count > before ? value.count + 4 : 4
                return
            }
            expand()
        }
        plain!.append(value)
        byteCount += value.count + 4
    }

    /// Appends values that are given as their numbers in `keys`.
    mutating func append(_ numbers: [Int], of keys: ByteColumn) {
        var known = [UInt32?](repeating: nil, count: keys.count)
        for number in numbers {
            if plain == nil, let code = known[number] {
                codes.append(code)
                byteCount += 4
                continue
            }
            append(keys.data.span.extracting(Int(keys.offsets[number])..<Int(keys.offsets[number + 1])))
            if plain == nil { known[number] = codes.last }
        }
    }

    public mutating func appendEmpty() {
        let nothing: [UInt8] = []
        append(nothing.span)
    }

    private mutating func expand() {
        let values = distinct
        var column = ByteColumn()
        column.reserveCapacity(codes.count + 1, bytes: 1 << 16)
        for code in codes {
            let start = Int(values.offsets[Int(code)])
            column.append(values.data.span.extracting(start..<Int(values.offsets[Int(code) + 1])))
        }
        byteCount = column.data.count + column.offsets.count * 4
        plain = column
        codes = []
    }

    /// The distinct values by code, while the column is interned.
    public var distinct: ByteColumn {
        ByteColumn(offsets: [0] + table.ends, data: table.pool)
    }

    /// The code of row `row`; nil when the column is not interned.
    public func code(_ row: Int) -> UInt32? { plain == nil ? codes[row] : nil }

    /// Bytes of row `row`.
    public func value(_ row: Int) -> [UInt8] {
        if let plain { return plain[row] }
        return table.key(Int(codes[row]))
    }

    public mutating func removeAll() {
        table.removeAll()
        codes.removeAll(keepingCapacity: true)
        plain = nil
        byteCount = 0
    }
}
