/// A growing byte buffer whose free space an encoder may fill directly.
///
/// It exists beside ByteWriter because bit packing writes whole words at computed places; the
/// unsafe access stays inside the encoders of this module.
struct PageBuffer: ~Copyable {
    private(set) var base: UnsafeMutablePointer<UInt8>
    private(set) var capacity: Int
    private(set) var count: Int = 0

    init(capacity: Int = 1 << 16) {
        self.capacity = max(capacity, 64)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    mutating func removeAll() { count = 0 }

    /// Makes room for `additional` bytes and returns where they go.
    mutating func reserve(_ additional: Int) -> UnsafeMutablePointer<UInt8> {
        precondition(additional >= 0)
        if additional > capacity - count { grow(additional) }
        return base + count
    }

    @inline(never)
    private mutating func grow(_ additional: Int) {
        let wanted = max(capacity * 2, count + additional)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
        capacity = wanted
    }

    /// Counts `length` bytes that were written at the pointer which `reserve` gave.
    mutating func commit(_ length: Int) {
        precondition(length >= 0 && length <= capacity - count)
        count += length
    }

    mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        count = length
    }

    mutating func append(_ byte: UInt8) {
        reserve(1).pointee = byte
        commit(1)
    }

    mutating func appendVarint(_ value: UInt64) {
        let target = reserve(10)
        var rest = value
        var length = 0
        while rest >= 0x80 {
            target[length] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            length += 1
        }
        target[length] = UInt8(truncatingIfNeeded: rest)
        commit(length + 1)
    }

    mutating func append(_ source: UnsafePointer<UInt8>, count length: Int) {
        reserve(length).update(from: source, count: length)
        commit(length)
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { bytes in
            if let start = bytes.baseAddress { append(start, count: bytes.count) }
        }
    }

    /// Overwrites four bytes with `value`, least significant first.
    mutating func patch(at offset: Int, littleEndian value: UInt32) {
        precondition(offset >= 0 && offset + 4 <= count)
        UnsafeMutableRawPointer(base + offset).storeBytes(of: value.littleEndian, as: UInt32.self)
    }

    var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let span = Span(_unsafeStart: UnsafePointer(base), count: count)
            return _overrideLifetime(span, borrowing: self)
        }
    }
}
