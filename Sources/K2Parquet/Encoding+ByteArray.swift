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
