import K2Bytes

/// Values of one leaf in the physical form in which they are written, or positions in a dictionary of such values.
struct BatchValues {
    enum Kind: Equatable {
        case bits
        case words32
        case words64
        /// `width` bytes of each are written.
        case words128(width: Int)
        /// All of `width` bytes when it is not nil.
        case bytes(width: Int?)
    }

    let kind: Kind
    // One of them is in use.
    var bits: [Bool] = []
    var words32: [Int32] = []
    var words64: [Int64] = []
    var words128: [Int128] = []
    var bytes = ByteColumn()

    init(_ kind: Kind) { self.kind = kind }

    /// - Precondition: `type` is that of a leaf.
    init(_ type: ParquetSchema.FieldType) {
        switch type {
        case .boolean: kind = .bits
        case .int32, .date, .float: kind = .words32
        case .int64, .double, .timeMicros, .timestampMicros: kind = .words64
        case .decimal(let precision, _):
            kind = precision <= 9 ? .words32 : precision <= 18 ? .words64 : .words128(width: ParquetSchema.FieldType.decimalWidth(precision: precision))
        case .uuid: kind = .words128(width: 16)
        case .string, .binary: kind = .bytes(width: nil)
        case .fixed(let length): kind = .bytes(width: length)
        case .list, .map, .structure: preconditionFailure("\(type): not a leaf")
        }
    }

    var count: Int {
        switch kind {
        case .bits: bits.count
        case .words32: words32.count
        case .words64: words64.count
        case .words128: words128.count
        case .bytes: bytes.count
        }
    }

    /// Bytes of a value in memory, without those of byte strings.
    var valueWidth: Int {
        switch kind {
        case .bits: 1
        case .words32, .bytes: 4
        case .words64: 8
        case .words128: 16
        }
    }

    /// Bytes in memory. Of byte strings those that are there: room behind them that was never written to takes none.
    var byteCount: Int {
        switch kind {
        case .bits: bits.capacity
        case .words32: words32.capacity * 4
        case .words64: words64.capacity * 8
        case .words128: words128.capacity * 16
        case .bytes: bytes.offsets.capacity * 4 + bytes.data.count
        }
    }

    /// Bytes of the byte strings that `codes` name; 0 for values of other kinds.
    func size(of codes: [UInt32]) -> Int {
        guard case .bytes = kind else { return 0 }
        return bytes.offsets.withUnsafeBufferPointer { offsets in codes.reduce(0) { $0 + Int(offsets[Int($1) + 1] - offsets[Int($1)]) } }
    }

    /// The same with -1 for places without a value.
    func size(at places: [Int32]) -> Int {
        guard case .bytes = kind else { return 0 }
        return bytes.offsets.withUnsafeBufferPointer { offsets in
            places.reduce(0) { $1 < 0 ? $0 : $0 + Int(offsets[Int($1) + 1] - offsets[Int($1)]) }
        }
    }

    mutating func reserveCapacity(_ count: Int) {
        switch kind {
        case .bits: bits.reserveCapacity(count)
        case .words32: words32.reserveCapacity(count)
        case .words64: words64.reserveCapacity(count)
        case .words128: words128.reserveCapacity(count)
        case .bytes: bytes.reserveCapacity(count, bytes: 0)
        }
    }

    /// Appends zeros, or empty strings: the places of nulls.
    mutating func append(placeholders count: Int) {
        if count <= 0 { return }
        switch kind {
        case .bits: bits.append(contentsOf: repeatElement(false, count: count))
        case .words32: words32.append(contentsOf: repeatElement(0, count: count))
        case .words64: words64.append(contentsOf: repeatElement(0, count: count))
        case .words128: words128.append(contentsOf: repeatElement(0, count: count))
        case .bytes: for _ in 0..<count { bytes.appendEmpty() }
        }
    }

    /// The values at `positions` in the form in which chunks are written.
    func gathered(at positions: [UInt32]) -> ChunkValues {
        switch kind {
        case .bits: .bits(Self.gather(bits, positions))
        case .words32: .words32(Self.gather(words32, positions))
        case .words64: .words64(Self.gather(words64, positions))
        case .words128(let width): .words128(Self.gather(words128, positions), width: width)
        case .bytes(let width): .slices(ByteSlices(column: bytes, positions: positions), fixedWidth: width)
        }
    }

    @inline(__always)
    static func gather<T: BitwiseCopyable>(_ values: [T], _ positions: [UInt32]) -> [T] {
        var result: [T] = []
        result.append(uninitialized: positions.count) { target in
            values.withUnsafeBufferPointer { values in
                for index in 0..<positions.count { target[index] = values[Int(positions[index])] }
            }
        }
        return result
    }
}
