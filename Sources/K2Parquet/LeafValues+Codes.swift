import K2Bytes

extension LeafValues {
    /// The values without a dictionary.
    ///
    /// - Throws: `tooLarge` when they would take more than `limit` bytes.
    public func decoded(limit: Int = .max) throws(ParquetError) -> LeafValues {
        guard case .coded(let codes, let dictionary) = self else { return self }
        var values = dictionary.values.emptied
        try values.append(codes, of: dictionary.values, budget: limit)
        return values
    }

    /// What the codes are of; nil for values.
    public var dictionary: LeafDictionary? {
        if case .coded(_, let dictionary) = self { return dictionary }
        return nil
    }

    /// Changes the codes in place; does nothing where there are none.
    mutating func withCodes<E: Error>(_ body: (inout [UInt32]) throws(E) -> Void) throws(E) {
        guard let dictionary else { return }
        var codes = takeCodes()
        try body(&codes)
        self = .coded(codes, of: dictionary)
    }

    /// A function of its own, so that nothing else holds the codes when they change.
    private mutating func takeCodes() -> [UInt32] {
        guard case .coded(let codes, let dictionary) = self else { return [] }
        self = .coded([], of: dictionary)
        return codes
    }

    /// No values, of the same type.
    var emptied: LeafValues {
        switch self {
        case .boolean: .boolean([])
        case .int32: .int32([])
        case .int64: .int64([])
        case .float: .float([])
        case .double: .double([])
        case .byteArray: .byteArray(ByteColumn())
        case .fixed(let width, _): .fixed(width: width, [])
        case .coded(_, let dictionary): dictionary.values.emptied
        }
    }

    /// Appends the values of `dictionary` that `codes` name. Both are of the same case.
    ///
    /// - Parameter budget: bytes that the values may take in all.
    mutating func append(_ codes: [UInt32], of dictionary: LeafValues, budget: Int) throws(ParquetError) {
        try Self.check(codes, dictionary.count)
        guard codes.count <= max(budget - byteCount, 0) / stride else { throw Self.tooLarge(budget) }
        // Not a switch over both at once: that would hold the values a second time, and have them copied for each page.
        let mismatch = ParquetError(.malformed, "", "dictionary of another type")
        switch self {
        case .boolean(var values):
            guard case .boolean(let entries) = dictionary else { throw mismatch }
            self = .boolean([])
            Self.gather(codes, entries, to: &values)
            self = .boolean(values)
        case .int32(var values):
            guard case .int32(let entries) = dictionary else { throw mismatch }
            self = .int32([])
            Self.gather(codes, entries, to: &values)
            self = .int32(values)
        case .int64(var values):
            guard case .int64(let entries) = dictionary else { throw mismatch }
            self = .int64([])
            Self.gather(codes, entries, to: &values)
            self = .int64(values)
        case .float(var values):
            guard case .float(let entries) = dictionary else { throw mismatch }
            self = .float([])
            Self.gather(codes, entries, to: &values)
            self = .float(values)
        case .double(var values):
            guard case .double(let entries) = dictionary else { throw mismatch }
            self = .double([])
            Self.gather(codes, entries, to: &values)
            self = .double(values)
        case .fixed(let width, var values):
            guard case .fixed(width, let entries) = dictionary else { throw mismatch }
            self = .fixed(width: width, [])
            Self.gather(codes, entries, width: width, to: &values)
            self = .fixed(width: width, values)
        case .byteArray(var values):
            guard case .byteArray(let entries) = dictionary else { throw mismatch }
            self = .byteArray(ByteColumn())
            guard Self.gather(codes, entries, to: &values, limit: budget) else { throw Self.tooLarge(budget) }
            self = .byteArray(values)
        case .coded: throw mismatch
        }
    }

    /// Each code names an entry.
    static func check(_ codes: [UInt32], from start: Int = 0, _ entries: Int) throws(ParquetError) {
        var largest: UInt32 = 0
        codes.withUnsafeBufferPointer { codes in
            for index in start..<codes.count { largest = Swift.max(largest, codes[index]) }
        }
        if codes.count > start, Int(largest) >= entries { throw ParquetError(.malformed, "", "code \(largest) in a dictionary of \(entries)") }
    }

    static func tooLarge(_ limit: Int) -> ParquetError { ParquetError(.tooLarge, "", "more than \(limit) bytes of values") }

    // From here on every code is known to name an entry.

    @inline(__always)
    private static func gather<T: BitwiseCopyable>(_ codes: [UInt32], _ entries: [T], to values: inout [T]) {
        codes.withUnsafeBufferPointer { codes in
            entries.withUnsafeBufferPointer { entries in
                values.append(uninitialized: codes.count) { target in
                    for index in 0..<codes.count { target[index] = entries[Int(codes[index])] }
                }
            }
        }
    }

    private static func gather(_ codes: [UInt32], _ entries: [UInt8], width: Int, to values: inout [UInt8]) {
        codes.withUnsafeBufferPointer { codes in
            entries.withUnsafeBytes { entries in
                values.append(uninitialized: codes.count * width) { target in
                    guard let source = entries.baseAddress else { return }
                    let target = UnsafeMutableRawPointer(target)
                    if width == 16 {
                        for index in 0..<codes.count {
                            let value = source.loadUnaligned(fromByteOffset: Int(codes[index]) &* 16, as: SIMD16<UInt8>.self)
                            target.storeBytes(of: value, toByteOffset: index &* 16, as: SIMD16<UInt8>.self)
                        }
                    } else {
                        for index in 0..<codes.count {
                            (target + index &* width).copyMemory(from: source + Int(codes[index]) &* width, byteCount: width)
                        }
                    }
                }
            }
        }
    }

    private static func gather(_ codes: [UInt32], _ entries: ByteColumn, to values: inout ByteColumn, limit: Int) -> Bool {
        codes.withUnsafeBufferPointer { codes in
            entries.offsets.withUnsafeBufferPointer { offsets in
                var size = 0
                for index in 0..<codes.count { size &+= Int(offsets[Int(codes[index]) + 1] &- offsets[Int(codes[index])]) }
                let before = values.data.count + (values.count + codes.count) * 4
                guard size <= limit - before, size <= Int(UInt32.max) - values.data.count else { return false }
                return entries.data.withUnsafeBytes { data in
                    values.append(values: codes.count, bytes: size) { start, ends, target in
                        var end = 0
                        for index in 0..<codes.count {
                            let from = Int(offsets[Int(codes[index])])
                            let length = Int(offsets[Int(codes[index]) + 1]) &- from
                            ByteArrayEncoding.copy(data, from, length, to: target + end)
                            end &+= length
                            ends[index] = start &+ UInt32(truncatingIfNeeded: end)
                        }
                        return end
                    }
                }
            }
        }
    }
}
