import K2Bytes

extension BatchValues {
    /// Appends values of a file's column as values of this type: integers and decimals may become wider, floats doubles.
    ///
    /// - Parameters:
    ///   - factor: by which integers are multiplied, for times of another unit.
    /// - Throws: when a value does not fit.
    mutating func append(_ values: LeafValues, factor: Int64, isDecimal: Bool, place: String) throws(ParquetError) {
        if isDecimal, try appendDecimals(values, place) { return }
        switch (kind, values) {
        case (.bits, .boolean(let values)): bits += values
        case (.words32, .int32(let values)): words32 += values
        case (.words32, .float(let values)): words32.append(converting: values) { Int32(bitPattern: $0.bitPattern) }
        case (.words64, .int64(let values)) where factor == 1: words64 += values
        case (.words64, .int64(let values)):
            for value in values {
                let (product, overflow) = value.multipliedReportingOverflow(by: factor)
                guard !overflow else { throw ParquetError(.invalidInput, place, "found \(value), which is no time in microseconds") }
                words64.append(product)
            }
        case (.words64, .int32(let values)): words64.append(converting: values) { Int64($0) &* factor }
        case (.words64, .double(let values)): words64.append(converting: values) { Int64(bitPattern: $0.bitPattern) }
        case (.words64, .float(let values)): words64.append(converting: values) { Int64(bitPattern: Double($0).bitPattern) }
        case (.words128, .fixed(16, let bytes)): appendWide(bytes)
        case (.bytes(nil), .byteArray(let values)):
            guard values.data.count <= Int(UInt32.max) - bytes.data.count else {
                throw ParquetError(.tooLarge, place, "more than 4 GiB of byte strings")
            }
            bytes.append(values)
        case (.bytes(let width?), .fixed(let found, let data)) where width == found:
            guard data.count <= Int(UInt32.max) - bytes.data.count else {
                throw ParquetError(.tooLarge, place, "more than 4 GiB of byte strings")
            }
            bytes.append(ByteColumn(offsets: (0...data.count / width).map { UInt32($0 * width) }, data: data))
        case (_, .coded): try append(try values.decoded(), factor: factor, isDecimal: isDecimal, place: place)
        default: throw ParquetError(.invalidInput, place, "values of another type than the column's")
        }
    }

    /// Appends the values of `other`, which is of the same kind, that `places` name; -1 is a null's place.
    mutating func append(_ other: BatchValues, at places: [Int32]) {
        switch kind {
        case .bits: Self.append(other.bits, at: places, null: false, to: &bits)
        case .words32: Self.append(other.words32, at: places, null: 0, to: &words32)
        case .words64: Self.append(other.words64, at: places, null: 0, to: &words64)
        case .words128: Self.append(other.words128, at: places, null: 0, to: &words128)
        case .bytes:
            let column = other.bytes
            column.data.withUnsafeBufferPointer { data in
                for place in places {
                    if place < 0 {
                        bytes.appendEmpty()
                    } else {
                        bytes.append(UnsafeBufferPointer(rebasing: data[Int(column.offsets[Int(place)])..<Int(column.offsets[Int(place) + 1])]))
                    }
                }
            }
        }
    }

    /// Appends the values of `other`, which is of the same kind, that `codes` name.
    mutating func append(_ other: BatchValues, codes: [UInt32]) {
        switch kind {
        case .bits: Self.append(other.bits, codes: codes, to: &bits)
        case .words32: Self.append(other.words32, codes: codes, to: &words32)
        case .words64: Self.append(other.words64, codes: codes, to: &words64)
        case .words128: Self.append(other.words128, codes: codes, to: &words128)
        case .bytes:
            let column = other.bytes
            column.data.withUnsafeBufferPointer { data in
                for code in codes {
                    bytes.append(UnsafeBufferPointer(rebasing: data[Int(column.offsets[Int(code)])..<Int(column.offsets[Int(code) + 1])]))
                }
            }
        }
    }

    @inline(__always)
    static func append<T: BitwiseCopyable>(_ values: [T], codes: [UInt32], to target: inout [T]) {
        target.append(uninitialized: codes.count) { target in
            values.withUnsafeBufferPointer { values in
                for index in 0..<codes.count { target[index] = values[Int(codes[index])] }
            }
        }
    }

    @inline(__always)
    private static func append<T: BitwiseCopyable>(_ values: [T], at places: [Int32], null: T, to target: inout [T]) {
        target.append(uninitialized: places.count) { target in
            values.withUnsafeBufferPointer { values in
                for index in 0..<places.count { target[index] = places[index] < 0 ? null : values[Int(places[index])] }
            }
        }
    }

    /// Whether these were values of decimals and are appended.
    private mutating func appendDecimals(_ values: LeafValues, _ place: String) throws(ParquetError) -> Bool {
        switch (kind, values) {
        case (.words32, .int32), (.words64, .int64): return false
        case (.words32, .int64(let values)):
            for value in values { words32.append(try Self.narrowed(Int128(value), place)) }
        case (.words64, .int32(let values)): words64.append(converting: values) { Int64($0) }
        case (.words128, .int32(let values)): words128.append(converting: values) { Int128($0) }
        case (.words128, .int64(let values)): words128.append(converting: values) { Int128($0) }
        case (_, .fixed(let width, let bytes)):
            if width == 16, case .words128 = kind {
                appendWide(bytes)
                return true
            }
            for start in stride(from: 0, to: bytes.count, by: width) { try append(decimal: bytes.span.extracting(start..<start + width), place) }
        case (_, .byteArray(let column)):
            for index in 0..<column.count {
                try append(decimal: column.data.span.extracting(Int(column.offsets[index])..<Int(column.offsets[index + 1])), place)
            }
        default: return false
        }
        return true
    }

    private mutating func append(decimal bytes: Span<UInt8>, _ place: String) throws(ParquetError) {
        guard let value = Int128(twosComplement: bytes) else {
            throw ParquetError(.malformed, place, "a decimal of \(bytes.count) bytes that is none, or has more than 38 digits")
        }
        switch kind {
        case .words32: words32.append(try Self.narrowed(value, place))
        case .words64: words64.append(try Self.narrowed(value, place))
        default: words128.append(value)
        }
    }

    private static func narrowed<T: FixedWidthInteger>(_ value: Int128, _ place: String) throws(ParquetError) -> T {
        guard let narrow = T(exactly: value) else { throw ParquetError(.malformed, place, "found \(value), which has more digits than the column") }
        return narrow
    }

    /// Sixteen bytes a value, most significant first.
    private mutating func appendWide(_ bytes: [UInt8]) {
        let count = bytes.count / 16
        words128.append(uninitialized: count) { target in
            bytes.withUnsafeBytes { bytes in
                for index in 0..<count { target[index] = Int128(bigEndian: bytes.loadUnaligned(fromByteOffset: index &* 16, as: Int128.self)) }
            }
        }
    }
}

extension Int128 {
    /// Two's complement, most significant byte first; bytes beyond sixteen may only repeat the sign. Nil for no bytes, and for larger numbers.
    public init?(twosComplement bytes: Span<UInt8>) {
        guard bytes.count > 0 else { return nil }
        let sign: UInt8 = bytes[0] >= 0x80 ? 0xff : 0
        var value: Int128 = sign == 0 ? 0 : -1
        for index in 0..<bytes.count {
            if bytes.count - index > 16 {
                guard bytes[index] == sign else { return nil }
            } else {
                value = value << 8 | Int128(bytes[index])
            }
        }
        guard (value < 0) == (sign != 0) else { return nil }
        self = value
    }
}

extension Array where Element: BitwiseCopyable {
    @inline(__always)
    fileprivate mutating func append<T>(converting values: [T], _ convert: (T) -> Element) {
        append(uninitialized: values.count) { target in
            values.withUnsafeBufferPointer { values in
                for index in 0..<values.count { target[index] = convert(values[index]) }
            }
        }
    }
}
