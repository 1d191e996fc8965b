/// A growing output buffer that is owned by one writer and reused between records or pages.
///
/// Appending never fails and is amortised O(count). The buffer keeps its storage when it is
/// cleared, so a loop that clears it after each record allocates only while records still grow.
public struct ByteWriter: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    @usableFromInline var length: Int

    public init(capacity: Int = 256) {
        self.capacity = max(capacity, 16)
        base = .allocate(capacity: self.capacity)
        length = 0
    }

    deinit { base.deallocate() }

    /// Number of bytes written so far.
    @inlinable public var count: Int { length }

    /// The bytes written so far, valid until the next change.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let span = Span(_unsafeStart: UnsafePointer(base), count: length)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// A copy of the bytes written so far.
    public var array: [UInt8] { Array(UnsafeBufferPointer(start: base, count: length)) }

    /// Calls `body` with the bytes written so far.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: base, count: length))
    }

    @inlinable public mutating func removeAll() { length = 0 }

    /// Forgets the bytes from `count` on. Precondition: `count` is not more than the current one.
    public mutating func truncate(to count: Int) {
        precondition(count <= length && count >= 0)
        length = count
    }

    @inlinable
    public mutating func reserve(_ additional: Int) {
        if length + additional > capacity { grow(additional) }
    }

    @usableFromInline
    @inline(never)
    mutating func grow(_ additional: Int) {
        let wanted = max(capacity * 2, length + additional)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        larger.update(from: base, count: length)
        base.deallocate()
        base = larger
        capacity = wanted
    }

    /// Appends exactly `count` bytes, which `fill` has to write to the address it is given.
    @inlinable
    @inline(__always)
    public mutating func append(count: Int, fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        reserve(count)
        fill(base + length)
        length += count
    }

    @inlinable
    public mutating func append(_ byte: UInt8) {
        if length == capacity { grow(1) }
        base[length] = byte
        length += 1
    }

    @inlinable
    public mutating func append(_ text: StaticString) {
        let added = text.utf8CodeUnitCount
        reserve(added)
        (base + length).update(from: text.utf8Start, count: added)
        length += added
    }

    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        let added = bytes.count
        if added == 0 { return }
        reserve(added)
        let target = base + length
        bytes.withUnsafeBufferPointer { target.update(from: $0.baseAddress.unsafelyUnwrapped, count: added) }
        length += added
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        UnsafeMutableRawPointer(base + length).copyMemory(from: start, byteCount: bytes.count)
        length += bytes.count
    }

    public mutating func append(_ bytes: [UInt8]) { append(bytes.span) }

    /// Appends the UTF-8 of `text`.
    public mutating func append(string text: String) {
        var copy = text
        copy.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    public mutating func append(repeating byte: UInt8, count added: Int) {
        reserve(added)
        (base + length).update(repeating: byte, count: added)
        length += added
    }

    /// Appends the value's bytes, least significant first.
    @inlinable
    public mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append($0) }
    }

    /// Appends the value's bytes, most significant first.
    @inlinable
    public mutating func appendBigEndian<T: FixedWidthInteger>(_ value: T) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append($0) }
    }

    /// Replaces bytes that are already written. Precondition: they are all inside `count`.
    public mutating func patch(at offset: Int, with bytes: Span<UInt8>) {
        precondition(offset >= 0 && offset + bytes.count <= length)
        for index in 0..<bytes.count { base[offset + index] = bytes[index] }
    }

    /// Appends `value` in decimal digits.
    public mutating func append(decimal value: UInt64) {
        let digits = DecimalDigits.count(value)
        append(count: digits) { DecimalDigits.write(value, digits: digits, to: $0) }
    }

    public mutating func append(decimal value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    /// Appends `value` in exactly `width` digits with leading zeros; higher digits are cut off.
    public mutating func append(decimal value: UInt64, width: Int) {
        append(count: width) { DecimalDigits.write(value, digits: width, to: $0) }
    }
}
