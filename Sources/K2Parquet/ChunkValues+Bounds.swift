import K2Bytes

extension ChunkValues {
    /// What a chunk's bounds say, and how many of its values are NaN.
    struct Summary {
        var bounds: Bounds?
        var nanCount = 0
    }

    /// - Parameter limit: longest bound of byte strings.
    func summary(_ type: ParquetSchema.FieldType, limit: Int) -> Summary {
        switch self {
        case .bits(let values):
            let (isSome, isAll) = (values.contains(true), !values.contains(false))
            return Summary(bounds: values.isEmpty ? nil : Bounds(min: .bool(isAll), max: .bool(isSome)))
        case .words32(let values):
            if type == .float { return Self.floating(values.lazy.map { Float(bitPattern: UInt32(bitPattern: $0)) }) { .float($0) } }
            return Summary(bounds: Self.extremes(values).map { Self.integers($0, type) { .int32(Int32(truncatingIfNeeded: $0)) } })
        case .words64(let values):
            if type == .double { return Self.floating(values.lazy.map { Double(bitPattern: UInt64(bitPattern: $0)) }) { .double($0) } }
            return Summary(bounds: Self.extremes(values).map { Self.integers($0, type) { .int64(Int64(truncatingIfNeeded: $0)) } })
        case .words128(let values, _):
            if type == .uuid {
                let unsigned = Self.extremes(values.map { UInt128(bitPattern: $0) })
                return Summary(bounds: unsigned.map { Bounds(min: .uuid($0.0), max: .uuid($0.1)) })
            }
            return Summary(bounds: Self.extremes(values).map { Bounds(min: .decimal($0.0), max: .decimal($0.1)) })
        case .slices(let slices, _):
            return Summary(bounds: Self.bytes(slices, limit: limit, isText: type == .string))
        }
    }

    private static func integers<T: FixedWidthInteger>(
        _ extremes: (T, T), _ type: ParquetSchema.FieldType, _ value: (T) -> BoundValue
    ) -> Bounds {
        if case .decimal = type { return Bounds(min: .decimal(Int128(extremes.0)), max: .decimal(Int128(extremes.1))) }
        return Bounds(min: value(extremes.0), max: value(extremes.1))
    }

    private static func extremes<T: FixedWidthInteger>(_ values: [T]) -> (T, T)? {
        guard let first = values.first else { return nil }
        return values.withUnsafeBufferPointer { values in
            var (least, greatest) = (first, first)
            for index in 0..<values.count {
                least = min(least, values[index])
                greatest = max(greatest, values[index])
            }
            return (least, greatest)
        }
    }

    /// NaN is left out, and a zero bound gets the sign that covers both zeros, as parquet.thrift asks.
    private static func floating<T: BinaryFloatingPoint>(_ values: some Sequence<T>, _ bound: (T) -> BoundValue) -> Summary {
        var summary = Summary()
        var extremes: (T, T)?
        for value in values {
            if value.isNaN {
                summary.nanCount += 1
            } else if let (least, greatest) = extremes {
                extremes = (min(least, value), max(greatest, value))
            } else {
                extremes = (value, value)
            }
        }
        if let (least, greatest) = extremes {
            summary.bounds = Bounds(min: bound(least == 0 ? -T.zero : least), max: bound(greatest == 0 ? T.zero : greatest))
        }
        return summary
    }

    private static func bytes(_ slices: ByteSlices, limit: Int, isText: Bool) -> Bounds? {
        let extremes: ([UInt8], [UInt8])? = slices.withUnsafe { slices in
            guard slices.positions.count > 0 else { return nil }
            var (least, greatest) = (slices[0], slices[0])
            for index in 1..<slices.positions.count {
                let value = slices[index]
                if ByteSlices.precedes(value, least) { least = value }
                if ByteSlices.precedes(greatest, value) { greatest = value }
            }
            return (Array(least), Array(greatest))
        }
        guard let (least, greatest) = extremes else { return nil }
        let lower = BoundTruncation.lower(least, limit: limit, isText: isText)
        guard let upper = BoundTruncation.upper(greatest, limit: limit, isText: isText) else { return nil }
        return Bounds(
            min: .bytes(lower), max: .bytes(upper), isMinExact: lower.count == least.count, isMaxExact: upper == greatest)
    }
}
