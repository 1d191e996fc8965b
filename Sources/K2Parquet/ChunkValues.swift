/// The values of one column chunk in written order and physical form, nulls left out.
enum ChunkValues {
    case bits([Bool])
    case words32([Int32])
    case words64([Int64])
    /// The low `width` bytes of each are written, most significant first.
    case words128([Int128], width: Int)
    case slices(ByteSlices, fixedWidth: Int?)
}

extension ChunkValues {
    var count: Int {
        switch self {
        case .bits(let values): values.count
        case .words32(let values): values.count
        case .words64(let values): values.count
        case .words128(let values, _): values.count
        case .slices(let slices, _): slices.count
        }
    }

    /// Bytes of one value when all have the same; nil for byte arrays and bits.
    var fixedWidth: Int? {
        switch self {
        case .bits: nil
        case .words32: 4
        case .words64: 8
        case .words128(_, let width): width
        case .slices(_, let width): width
        }
    }

    /// PLAIN bytes of all values together.
    var plainSize: Int {
        switch self {
        case .bits(let values): (values.count + 7) / 8
        case .slices(let slices, nil): slices.withUnsafe { slices in
            var size = slices.positions.count * 4
            for index in 0..<slices.positions.count { size += slices.length(index) }
            return size
        }
        default: count * (fixedWidth ?? 0)
        }
    }

    func encodePlain(_ range: Range<Int>, into buffer: inout PageBuffer) {
        switch self {
        case .bits(let values): PlainEncoding.encode(values, range, into: &buffer)
        case .words32(let values): PlainEncoding.encode(values, range, into: &buffer)
        case .words64(let values): PlainEncoding.encode(values, range, into: &buffer)
        case .words128(let values, let width): PlainEncoding.encode(values, range, width: width, into: &buffer)
        case .slices(let slices, let fixedWidth):
            slices.withUnsafe {
                if fixedWidth == nil {
                    ByteArrayEncoding.encodePlain($0, range, into: &buffer)
                } else {
                    ByteArrayEncoding.encodeFixed($0, range, into: &buffer)
                }
            }
        }
    }
}

/// PLAIN for the types of fixed width. Source: Encodings.md of apache/parquet-format, section Plain.
enum PlainEncoding {
    static func encode(_ values: [Bool], _ range: Range<Int>, into buffer: inout PageBuffer) {
        let length = (range.count + 7) / 8
        let target = buffer.reserve(length)
        target.update(repeating: 0, count: length)
        values.withUnsafeBufferPointer { values in
            for index in 0..<range.count where values[range.lowerBound + index] { target[index >> 3] |= 1 << UInt8(index & 7) }
        }
        buffer.commit(length)
    }

    static func encode<T: FixedWidthInteger>(_ values: [T], _ range: Range<Int>, into buffer: inout PageBuffer) {
        let width = T.bitWidth / 8
        let target = UnsafeMutableRawPointer(buffer.reserve(range.count * width))
        values.withUnsafeBufferPointer { values in
            for index in 0..<range.count {
                target.storeBytes(of: values[range.lowerBound + index].littleEndian, toByteOffset: index * width, as: T.self)
            }
        }
        buffer.commit(range.count * width)
    }

    static func encode(_ values: [Int128], _ range: Range<Int>, width: Int, into buffer: inout PageBuffer) {
        let length = range.count * width
        let target = UnsafeMutableRawPointer(buffer.reserve(length + 16))
        let shift = Int128(8 * (16 - width))
        values.withUnsafeBufferPointer { values in
            for index in 0..<range.count {
                // Shifted up, the wanted bytes come first and the next value overwrites the rest.
                let value = (values[range.lowerBound + index] &<< shift).bigEndian
                target.storeBytes(of: value, toByteOffset: index * width, as: Int128.self)
            }
        }
        buffer.commit(length)
    }
}
