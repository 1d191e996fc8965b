import K2Bytes

extension LeafValues {
    /// Appends `count` values in PLAIN encoding.
    mutating func appendPlain(_ bytes: Span<UInt8>, count: Int) throws(ByteError) {
        switch self {
        case .boolean(var values):
            self = .boolean([])
            guard count <= bytes.count * 8 else { throw ByteError(.pastEnd, at: bytes.count) }
            bytes.withUnsafeBytes { Self.appendBits($0, count, to: &values) }
            self = .boolean(values)
        case .int32(var values):
            self = .int32([])
            try Self.appendWords(bytes, count, to: &values) { (word: UInt32) in Int32(bitPattern: word) }
            self = .int32(values)
        case .int64(var values):
            self = .int64([])
            try Self.appendWords(bytes, count, to: &values) { (word: UInt64) in Int64(bitPattern: word) }
            self = .int64(values)
        case .float(var values):
            self = .float([])
            try Self.appendWords(bytes, count, to: &values) { (word: UInt32) in Float(bitPattern: word) }
            self = .float(values)
        case .double(var values):
            self = .double([])
            try Self.appendWords(bytes, count, to: &values) { (word: UInt64) in Double(bitPattern: word) }
            self = .double(values)
        case .byteArray(var values):
            self = .byteArray(ByteColumn())
            try ByteArrayEncoding.decodePlain(bytes, count: count, into: &values)
            self = .byteArray(values)
        case .fixed(let width, var values):
            self = .fixed(width: width, [])
            guard count <= bytes.count / width else { throw ByteError(.pastEnd, at: bytes.count) }
            bytes.extracting(..<(count * width)).withUnsafeBufferPointer { values.append(contentsOf: $0) }
            self = .fixed(width: width, values)
        case .coded: preconditionFailure("values in an encoding among codes")
        }
    }

    private static func appendBits(_ source: UnsafeRawBufferPointer, _ count: Int, to values: inout [Bool]) {
        values.append(uninitialized: count) { target in
            let bytes = UnsafeMutableRawPointer(target)
            for group in 0..<count / 8 {
                bytes.storeBytes(of: BitPacking.bits(source[group]).littleEndian, toByteOffset: group * 8, as: UInt64.self)
            }
            for index in (count & ~7)..<count { target[index] = source[index >> 3] >> UInt8(index & 7) & 1 != 0 }
        }
    }

    @inline(__always)
    private static func appendWords<W: FixedWidthInteger & BitwiseCopyable, T: BitwiseCopyable>(
        _ bytes: Span<UInt8>, _ count: Int, to values: inout [T], _ convert: (W) -> T
    ) throws(ByteError) {
        let width = W.bitWidth / 8
        guard count <= bytes.count / width else { throw ByteError(.pastEnd, at: bytes.count) }
        bytes.withUnsafeBytes { source in
            values.append(uninitialized: count) { target in
                for index in 0..<count {
                    target[index] = convert(W(littleEndian: source.loadUnaligned(fromByteOffset: index &* width, as: W.self)))
                }
            }
        }
    }

    /// Appends `count` booleans in RLE encoding, which has its length before it.
    mutating func appendRLE(_ bytes: Span<UInt8>, count: Int) throws {
        guard case .boolean(var values) = self else { throw ParquetError(.malformed, "", "values in encoding rle that are not booleans") }
        self = .boolean([])
        var cursor = ByteCursor(bytes)
        let length = Int(try cursor.readLittleEndian(UInt32.self))
        var bits: [UInt8] = []
        try cursor.read(length).withUnsafeBytes { source throws(ByteError) in try HybridRLE.append(source, width: 1, count: count, to: &bits) }
        values.append(uninitialized: count) { target in for index in 0..<count { target[index] = bits[index] != 0 } }
        self = .boolean(values)
    }

    /// - Parameter budget: bytes that the values may take in all.
    mutating func appendDelta(_ bytes: Span<UInt8>, count: Int, _ encoding: Encoding, budget: Int) throws {
        switch self {
        case .int32(var values) where encoding == .deltaBinaryPacked:
            self = .int32([])
            _ = try DeltaBinaryPacked.append(bytes, count: count, to: &values)
            self = .int32(values)
        case .int64(var values) where encoding == .deltaBinaryPacked:
            self = .int64([])
            _ = try DeltaBinaryPacked.append(bytes, count: count, to: &values)
            self = .int64(values)
        case .byteArray(var values) where encoding == .deltaLengthByteArray:
            self = .byteArray(ByteColumn())
            try ByteArrayEncoding.decodeDeltaLength(bytes, count: count, into: &values)
            self = .byteArray(values)
        case .byteArray(var values) where encoding == .deltaByteArray:
            self = .byteArray(ByteColumn())
            try ByteArrayEncoding.decodeDelta(bytes, count: count, maxBytes: budget, into: &values)
            self = .byteArray(values)
        case .fixed(let width, var values) where encoding == .deltaByteArray:
            self = .fixed(width: width, [])
            var column = ByteColumn()
            try ByteArrayEncoding.decodeDelta(bytes, count: count, maxBytes: budget - values.count, into: &column)
            for index in 0..<count where column.offsets[index + 1] - column.offsets[index] != UInt32(width) {
                throw ParquetError(.malformed, "", "a value that is not \(width) bytes long")
            }
            values += column.data
            self = .fixed(width: width, values)
        default:
            throw ParquetError(.unsupported, "", "values in encoding \(encoding) of that type")
        }
    }

    /// BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, and so on.
    mutating func appendStreams(_ bytes: Span<UInt8>, count: Int) throws {
        switch self {
        case .boolean, .byteArray, .coded: throw ParquetError(.unsupported, "", "values in encoding byteStreamSplit of that type")
        case .int32, .int64, .float, .double, .fixed: break
        }
        guard count <= bytes.count / stride else { throw ByteError(.pastEnd, at: bytes.count) }
        let width = stride
        var joined: [UInt8] = []
        bytes.withUnsafeBytes { source in
            joined.append(uninitialized: count * width) { target in
                for stream in 0..<width {
                    let start = stream * count
                    for index in 0..<count { target[index &* width &+ stream] = source[start &+ index] }
                }
            }
        }
        try appendPlain(joined.span, count: count)
    }
}
