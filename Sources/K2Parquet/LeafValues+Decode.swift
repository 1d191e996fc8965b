import K2Bytes

extension LeafValues {
    /// Appends `count` values in PLAIN encoding.
    mutating func appendPlain(_ bytes: Span<UInt8>, count: Int) throws {
        switch self {
        case .boolean(var values):
            self = .boolean([])
            guard (count + 7) / 8 <= bytes.count else { throw ByteError(.pastEnd, at: bytes.count) }
            for index in 0..<count { values.append(bytes[index >> 3] >> UInt8(index & 7) & 1 != 0) }
            self = .boolean(values)
        case .int32(var values):
            self = .int32([])
            try Self.words(bytes, count) { (word: UInt32) in values.append(Int32(bitPattern: word)) }
            self = .int32(values)
        case .int64(var values):
            self = .int64([])
            try Self.words(bytes, count) { (word: UInt64) in values.append(Int64(bitPattern: word)) }
            self = .int64(values)
        case .float(var values):
            self = .float([])
            try Self.words(bytes, count) { (word: UInt32) in values.append(Float(bitPattern: word)) }
            self = .float(values)
        case .double(var values):
            self = .double([])
            try Self.words(bytes, count) { (word: UInt64) in values.append(Double(bitPattern: word)) }
            self = .double(values)
        case .byteArray(var values):
            self = .byteArray(ByteColumn())
            try ByteArrayEncoding.decodePlain(bytes, count: count, into: &values)
            self = .byteArray(values)
        case .fixed(let width, var values):
            self = .fixed(width: width, [])
            let (length, overflow) = count.multipliedReportingOverflow(by: width)
            guard !overflow, length <= bytes.count else { throw ByteError(.pastEnd, at: bytes.count) }
            bytes.extracting(..<length).withUnsafeBufferPointer { values.append(contentsOf: $0) }
            self = .fixed(width: width, values)
        }
    }

    private static func words<T: FixedWidthInteger>(_ bytes: Span<UInt8>, _ count: Int, _ body: (T) -> Void) throws {
        let width = T.bitWidth / 8
        guard count <= bytes.count / width else { throw ByteError(.pastEnd, at: bytes.count) }
        bytes.withUnsafeBytes { raw in
            for index in 0..<count { body(T(littleEndian: raw.loadUnaligned(fromByteOffset: index * width, as: T.self))) }
        }
    }

    /// Appends `count` booleans in RLE encoding, which has its length before it.
    mutating func appendRLE(_ bytes: Span<UInt8>, count: Int, place: String) throws {
        guard case .boolean(var values) = self else {
            throw ParquetError(.malformed, place, "values in encoding rle that are not booleans")
        }
        self = .boolean([])
        var cursor = ByteCursor(bytes)
        let length = Int(try cursor.readLittleEndian(UInt32.self))
        for bit in try HybridRLE.decode(try cursor.read(length), width: 1, count: count) { values.append(bit != 0) }
        self = .boolean(values)
    }

    mutating func appendDelta(_ bytes: Span<UInt8>, count: Int, _ encoding: Encoding, budget: Int, place: String) throws {
        switch (encoding, self) {
        case (.deltaBinaryPacked, .int32(var values)):
            self = .int32([])
            values += try DeltaBinaryPacked.decode(bytes, count: count, as: Int32.self).values
            self = .int32(values)
        case (.deltaBinaryPacked, .int64(var values)):
            self = .int64([])
            values += try DeltaBinaryPacked.decode(bytes, count: count, as: Int64.self).values
            self = .int64(values)
        case (.deltaLengthByteArray, .byteArray(var values)):
            self = .byteArray(ByteColumn())
            try ByteArrayEncoding.decodeDeltaLength(bytes, count: count, into: &values)
            self = .byteArray(values)
        case (.deltaByteArray, .byteArray(var values)):
            self = .byteArray(ByteColumn())
            let (maxBytes, overflow) = values.data.count.addingReportingOverflow(max(budget, 0))
            try ByteArrayEncoding.decodeDelta(bytes, count: count, maxBytes: overflow ? .max : maxBytes, into: &values)
            self = .byteArray(values)
        case (.deltaByteArray, .fixed(let width, var values)):
            self = .fixed(width: width, [])
            var column = ByteColumn()
            try ByteArrayEncoding.decodeDelta(bytes, count: count, maxBytes: max(budget, 0), into: &column)
            for index in 0..<count where column.offsets[index + 1] - column.offsets[index] != UInt32(width) {
                throw ParquetError(.malformed, place, "a value that is not \(width) bytes long")
            }
            values += column.data
            self = .fixed(width: width, values)
        default:
            throw ParquetError(.unsupported, place, "values in encoding \(encoding) of that type")
        }
    }

    /// Appends the values of `dictionary` that `codes` name. Both are of the same case.
    mutating func append(_ codes: [UInt32], of dictionary: LeafValues, budget: Int, place: String) throws {
        if let largest = codes.max(), Int(largest) >= dictionary.count {
            throw ParquetError(.malformed, place, "code \(largest) in a dictionary of \(dictionary.count)")
        }
        switch (self, dictionary) {
        case (.boolean(var values), .boolean(let entries)):
            self = .boolean([])
            for code in codes { values.append(entries[Int(code)]) }
            self = .boolean(values)
        case (.int32(var values), .int32(let entries)):
            self = .int32([])
            for code in codes { values.append(entries[Int(code)]) }
            self = .int32(values)
        case (.int64(var values), .int64(let entries)):
            self = .int64([])
            for code in codes { values.append(entries[Int(code)]) }
            self = .int64(values)
        case (.float(var values), .float(let entries)):
            self = .float([])
            for code in codes { values.append(entries[Int(code)]) }
            self = .float(values)
        case (.double(var values), .double(let entries)):
            self = .double([])
            for code in codes { values.append(entries[Int(code)]) }
            self = .double(values)
        case (.fixed(let width, var values), .fixed(_, let entries)):
            guard width <= max(budget, 0) / max(codes.count, 1) else { throw Self.tooLarge(place) }
            self = .fixed(width: width, [])
            for code in codes { values += entries[Int(code) * width..<(Int(code) + 1) * width] }
            self = .fixed(width: width, values)
        case (.byteArray(var values), .byteArray(let entries)):
            let size = codes.reduce(0) { $0 + Int(entries.offsets[Int($1) + 1] - entries.offsets[Int($1)]) }
            guard size <= budget else { throw Self.tooLarge(place) }
            self = .byteArray(ByteColumn())
            for code in codes {
                let range = Int(entries.offsets[Int(code)])..<Int(entries.offsets[Int(code) + 1])
                entries.data.withUnsafeBufferPointer { values.append(UnsafeBufferPointer(rebasing: $0[range])) }
            }
            self = .byteArray(values)
        default: throw ParquetError(.malformed, place, "dictionary of another type")
        }
    }

    private static func tooLarge(_ place: String) -> ParquetError {
        ParquetError(.tooLarge, place, "more bytes of values than the limit allows")
    }
}
