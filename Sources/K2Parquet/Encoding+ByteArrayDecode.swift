import K2Bytes

// The reading halves. All lengths are checked before anything is copied; what is checked is copied without further looking.

extension ByteArrayEncoding {
    /// Reads `count` values and appends them to `column`.
    static func decodePlain(_ bytes: Span<UInt8>, count: Int, into column: inout ByteColumn) throws(ByteError) {
        guard count <= bytes.count / 4 else { throw ByteError(.pastEnd, at: bytes.count) }
        let size = bytes.count - 4 * count
        guard size <= Int(UInt32.max) - column.data.count else { throw ByteError(.negativeLength, at: 0) }
        var stop = 0
        let isDone = bytes.withUnsafeBytes { source in
            column.append(values: count, bytes: size) { start, ends, data in
                var (offset, end) = (0, 0)
                for index in 0..<count {
                    stop = offset
                    guard source.count - offset >= 4 else { return nil }
                    let length = Int(UInt32(littleEndian: source.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
                    guard length <= source.count - offset - 4, length <= size - end else { return nil }
                    copy(source, offset + 4, length, to: data + end)
                    offset += 4 + length
                    end += length
                    ends[index] = start + UInt32(truncatingIfNeeded: end)
                }
                return end
            }
        }
        if !isDone { throw ByteError(.pastEnd, at: stop) }
    }

    static func decodeDeltaLength(_ bytes: Span<UInt8>, count: Int, into column: inout ByteColumn) throws(ByteError) {
        let lengths = try DeltaBinaryPacked.decode(bytes, count: count, as: Int32.self)
        let size = try total(lengths.values, at: lengths.length)
        guard size <= bytes.count - lengths.length, size <= Int(UInt32.max) - column.data.count else {
            throw ByteError(.pastEnd, at: lengths.length)
        }
        _ = bytes.withUnsafeBytes { source in
            column.append(values: count, bytes: size) { start, ends, data in
                var end = start
                for index in 0..<count {
                    end &+= UInt32(truncatingIfNeeded: lengths.values[index])
                    ends[index] = end
                }
                if size > 0, let base = source.baseAddress { UnsafeMutableRawPointer(data).copyMemory(from: base + lengths.length, byteCount: size) }
                return size
            }
        }
    }

    /// `maxBytes` bounds what the shared prefixes may unfold to.
    static func decodeDelta(_ bytes: Span<UInt8>, count: Int, maxBytes: Int, into column: inout ByteColumn) throws(ByteError) {
        let prefixes = try DeltaBinaryPacked.decode(bytes, count: count, as: Int32.self)
        let suffixes = try DeltaBinaryPacked.decode(bytes.extracting(prefixes.length...), count: count, as: Int32.self)
        let first = prefixes.length + suffixes.length
        let size = try unfoldedSize(prefixes.values, suffixes.values, room: bytes.count - first, at: first)
        guard size <= maxBytes - column.data.count, size <= Int(UInt32.max) - column.data.count else { throw ByteError(.negativeLength, at: first) }
        _ = bytes.withUnsafeBytes { source in
            prefixes.values.withUnsafeBufferPointer { prefixes in
                suffixes.values.withUnsafeBufferPointer { suffixes in
                    column.append(values: count, bytes: size) { start, ends, data in
                        unfold(source, first, prefixes, suffixes, start, ends, UnsafeMutableRawPointer(data))
                        return size
                    }
                }
            }
        }
    }

    private static func total(_ lengths: [Int32], at offset: Int) throws(ByteError) -> Int {
        var (size, all) = (0, Int32(0))
        for length in lengths {
            size += Int(length)
            all |= length
        }
        guard all >= 0 else { throw ByteError(.negativeLength, at: offset) }
        return size
    }

    /// The bytes of all values, after a check that each prefix is no longer than the value before and that the suffixes are there.
    private static func unfoldedSize(_ prefixes: [Int32], _ suffixes: [Int32], room: Int, at offset: Int) throws(ByteError) -> Int {
        var (size, before, rest, isGood) = (0, 0, room, true)
        for index in 0..<prefixes.count {
            let (prefix, suffix) = (Int(prefixes[index]), Int(suffixes[index]))
            if prefix < 0 || prefix > before || suffix < 0 || suffix > rest { isGood = false }
            before = prefix &+ suffix
            rest = rest &- suffix
            size = size &+ before
        }
        guard isGood, size >= 0 else { throw ByteError(.negativeLength, at: offset) }
        return size
    }

    @inline(__always)
    private static func unfold(
        _ source: UnsafeRawBufferPointer, _ first: Int, _ prefixes: UnsafeBufferPointer<Int32>, _ suffixes: UnsafeBufferPointer<Int32>,
        _ start: UInt32, _ ends: UnsafeMutablePointer<UInt32>, _ data: UnsafeMutableRawPointer
    ) {
        var (offset, before, end) = (first, 0, 0)
        for index in 0..<prefixes.count {
            let (prefix, suffix) = (Int(prefixes[index]), Int(suffixes[index]))
            // Both ranges lie in `data`; whatever is copied beyond the prefix is overwritten by the suffix.
            if prefix <= 32, prefix > 0 {
                copyWords(data + before, to: data + end, prefix)
            } else if prefix > 0 {
                (data + end).copyMemory(from: data + before, byteCount: prefix)
            }
            copy(source, offset, suffix, to: (data + end + prefix).assumingMemoryBound(to: UInt8.self))
            before = end
            end += prefix + suffix
            offset += suffix
            ends[index] = start &+ UInt32(truncatingIfNeeded: end)
        }
    }

    /// Copies `length` bytes at `offset`; up to `ByteColumn.slack` bytes from `target` on may be written for short ones.
    @inline(__always)
    static func copy(_ source: UnsafeRawBufferPointer, _ offset: Int, _ length: Int, to target: UnsafeMutablePointer<UInt8>) {
        guard let base = source.baseAddress else { return }
        let target = UnsafeMutableRawPointer(target)
        if length <= 32, offset + 32 <= source.count {
            copyWords(base + offset, to: target, length)
        } else {
            target.copyMemory(from: base + offset, byteCount: length)
        }
    }

    /// Copies 16 bytes, or 32 when `length` is above 16; the ranges may overlap as long as they start 32 bytes apart or do not count.
    @inline(__always)
    private static func copyWords(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ length: Int) {
        target.storeBytes(of: source.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
        if length > 16 {
            target.storeBytes(of: source.loadUnaligned(fromByteOffset: 16, as: SIMD16<UInt8>.self), toByteOffset: 16, as: SIMD16<UInt8>.self)
        }
    }
}
