/// Why bytes could not be read: what was expected, and the offset where it was not.
public struct ByteError: Error, Equatable, CustomStringConvertible, Sendable {
    public enum Reason: String, Sendable {
        case pastEnd = "bytes end too early"
        case varintTooLong = "varint longer than 10 bytes"
        case negativeLength = "negative or impossible length"
    }
    public var reason: Reason
    public var offset: Int

    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public var description: String { "\(reason.rawValue) (byte \(offset))" }
}

/// Reads forward over bytes that came from outside. Every read is checked against the end.
public struct ByteCursor: ~Escapable {
    public let bytes: Span<UInt8>
    public private(set) var offset: Int

    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
        offset = 0
    }

    public var remaining: Int { bytes.count - offset }
    public var isAtEnd: Bool { offset >= bytes.count }

    @_lifetime(self: copy self)
    public mutating func readByte() throws(ByteError) -> UInt8 {
        guard offset < bytes.count else { throw ByteError(.pastEnd, at: offset) }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// The next `count` bytes.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    public mutating func read(_ count: Int) throws(ByteError) -> Span<UInt8> {
        guard count >= 0 else { throw ByteError(.negativeLength, at: offset) }
        guard count <= remaining else { throw ByteError(.pastEnd, at: offset) }
        let part = bytes.extracting(offset..<(offset + count))
        offset += count
        return part
    }

    @_lifetime(self: copy self)
    public mutating func skip(_ count: Int) throws(ByteError) {
        guard count >= 0 else { throw ByteError(.negativeLength, at: offset) }
        guard count <= remaining else { throw ByteError(.pastEnd, at: offset) }
        offset += count
    }

    @_lifetime(self: copy self)
    public mutating func readLittleEndian<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(ByteError) -> T {
        let width = T.bitWidth / 8
        guard width <= remaining else { throw ByteError(.pastEnd, at: offset) }
        var value: T = 0
        for index in (0..<width).reversed() { value = (value << 8) | T(truncatingIfNeeded: bytes[offset + index]) }
        offset += width
        return value
    }

    /// An unsigned LEB128 varint of at most ten bytes.
    @_lifetime(self: copy self)
    public mutating func readVarint() throws(ByteError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try readByte()
            if shift == 63 && byte > 1 { throw ByteError(.varintTooLong, at: start) }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { throw ByteError(.varintTooLong, at: start) }
        }
    }

    @_lifetime(self: copy self)
    public mutating func readZigzag() throws(ByteError) -> Int64 { Varint.unzigzag(try readVarint()) }
}
