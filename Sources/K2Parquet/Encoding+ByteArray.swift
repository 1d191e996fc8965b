import K2Bytes

// PLAIN, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY. Source: Encodings.md of apache/parquet-format.

/// BYTE_ARRAY values in their three encodings.
enum ByteArrayEncoding {
    /// Each value with its length in four bytes before it.
    static func encodePlain(_ slices: ByteSlices.Unsafe, _ range: Range<Int>, into buffer: inout PageBuffer) {
        for index in range {
            let value = slices[index]
            let target = buffer.reserve(4 + value.count)
            UnsafeMutableRawPointer(target).storeBytes(of: UInt32(truncatingIfNeeded: value.count).littleEndian, as: UInt32.self)
            if let start = value.baseAddress { (target + 4).update(from: start, count: value.count) }
            buffer.commit(4 + value.count)
        }
    }

    /// All values without lengths: FIXED_LEN_BYTE_ARRAY.
    static func encodeFixed(_ slices: ByteSlices.Unsafe, _ range: Range<Int>, into buffer: inout PageBuffer) {
        for index in range {
            let value = slices[index]
            if let start = value.baseAddress { buffer.append(start, count: value.count) }
        }
    }

    static func encodeDeltaLength(_ slices: ByteSlices.Unsafe, _ range: Range<Int>, into buffer: inout PageBuffer) {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: max(range.count, 1)) { scratch in
            guard let lengths = scratch.baseAddress else { return }
            for index in range { lengths[index - range.lowerBound] = Int32(truncatingIfNeeded: slices.length(index)) }
            DeltaBinaryPacked.encode(lengths, count: range.count, into: &buffer)
        }
        encodeFixed(slices, range, into: &buffer)
    }

    /// Lengths of the prefix shared with the value before, then the suffixes.
    static func encodeDelta(_ slices: ByteSlices.Unsafe, _ range: Range<Int>, into buffer: inout PageBuffer) {
        let count = range.count
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: max(count * 2, 1)) { scratch in
            guard let prefixes = scratch.baseAddress else { return }
            let suffixes = prefixes + count
            var before = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
            for index in range {
                let value = slices[index]
                let shared = sharedPrefix(before, value)
                prefixes[index - range.lowerBound] = Int32(truncatingIfNeeded: shared)
                suffixes[index - range.lowerBound] = Int32(truncatingIfNeeded: value.count - shared)
                before = value
            }
            DeltaBinaryPacked.encode(prefixes, count: count, into: &buffer)
            DeltaBinaryPacked.encode(suffixes, count: count, into: &buffer)
            for index in range {
                let value = slices[index]
                let shared = Int(prefixes[index - range.lowerBound])
                if let start = value.baseAddress { buffer.append(start + shared, count: value.count - shared) }
            }
        }
    }

    @inline(__always)
    private static func sharedPrefix(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
        let limit = min(left.count, right.count)
        var length = 0
        while length < limit && left[length] == right[length] { length += 1 }
        return length
    }
}

extension ByteArrayEncoding {
    /// Reads `count` values and appends them to `column`.
    static func decodePlain(_ bytes: Span<UInt8>, count: Int, into column: inout ByteColumn) throws(ByteError) {
        var cursor = ByteCursor(bytes)
        for _ in 0..<count {
            let length = Int(try cursor.readLittleEndian(UInt32.self))
            column.append(try cursor.read(length))
        }
    }

    static func decodeDeltaLength(_ bytes: Span<UInt8>, count: Int, into column: inout ByteColumn) throws(ByteError) {
        let lengths = try DeltaBinaryPacked.decode(bytes, count: count, as: Int32.self)
        var cursor = ByteCursor(bytes)
        try cursor.skip(lengths.length)
        for length in lengths.values { column.append(try cursor.read(Int(length))) }
    }

    /// `maxBytes` bounds what the shared prefixes may unfold to.
    static func decodeDelta(_ bytes: Span<UInt8>, count: Int, maxBytes: Int, into column: inout ByteColumn) throws(ByteError) {
        let prefixes = try DeltaBinaryPacked.decode(bytes, count: count, as: Int32.self)
        let suffixes = try DeltaBinaryPacked.decode(bytes.extracting(prefixes.length...), count: count, as: Int32.self)
        var cursor = ByteCursor(bytes)
        try cursor.skip(prefixes.length + suffixes.length)
        var value: [UInt8] = []
        for index in 0..<count {
            let prefix = Int(prefixes.values[index])
            guard prefix >= 0, prefix <= value.count else { throw ByteError(.negativeLength, at: cursor.offset) }
            let suffix = try cursor.read(Int(suffixes.values[index]))
            value.removeSubrange(prefix...)
            suffix.withUnsafeBufferPointer { value.append(contentsOf: $0) }
            guard column.data.count + value.count <= maxBytes else { throw ByteError(.negativeLength, at: cursor.offset) }
            column.append(value.span)
        }
    }
}
