import K2Bytes

/// Bytes of a stream, as many at a time as are asked for.
struct ByteSource: ~Copyable {
    private let stream: ClickHouseStream
    private var bytes: [UInt8] = []
    private var position = 0

    /// What one value or one column of a block may take.
    private static let maxLength = 1 << 30

    init(_ stream: ClickHouseStream) { self.stream = stream }

    /// Waits until there are `count` bytes; false when the stream is at its end and nothing is left.
    /// - Throws: when it ends earlier.
    mutating func need(_ count: Int) throws(ClickHouseError) -> Bool {
        if bytes.count - position >= count { return true }
        if position > 0 {
            bytes.removeFirst(position)
            position = 0
        }
        while bytes.count < count {
            if try !stream.read(into: &bytes) {
                if bytes.isEmpty { return false }
                throw malformed("cut off")
            }
        }
        return true
    }

    private mutating func mustHave(_ count: Int) throws(ClickHouseError) {
        guard count <= Self.maxLength else { throw malformed("\(count) bytes at once") }
        if try !need(count) { throw malformed("cut off") }
    }

    mutating func read(_ count: Int) throws(ClickHouseError) -> [UInt8] {
        if count == 0 { return [] }
        try mustHave(count)
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// Hands the next `count` bytes to `body`.
    @inline(__always)
    mutating func with(_ count: Int, _ body: (Span<UInt8>) -> Void) throws(ClickHouseError) {
        if bytes.count - position < count { try mustHave(count) }
        body(bytes.span.extracting(position..<position + count))
        position += count
    }

    mutating func readUInt64() throws(ClickHouseError) -> UInt64 {
        try mustHave(8)
        defer { position += 8 }
        return bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: UInt64.self)) }
    }

    /// An unsigned LEB128 number that counts something.
    @inline(__always)
    mutating func readLength() throws(ClickHouseError) -> Int {
        if position < bytes.count, bytes[position] < 0x80 {
            position += 1
            return Int(bytes[position - 1])
        }
        return try readLongLength()
    }

    private mutating func readLongLength() throws(ClickHouseError) -> Int {
        var value = 0
        for shift in stride(from: 0, to: 35, by: 7) {
            try mustHave(1)
            let byte = bytes[position]
            position += 1
            value |= Int(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw malformed("a length of more than five bytes")
    }

    mutating func readText() throws(ClickHouseError) -> String {
        let length = try readLength()
        guard length <= 1 << 16 else { throw malformed("a name of \(length) bytes") }
        return String(decoding: try read(length), as: UTF8.self)
    }

    func malformed(_ what: String) -> ClickHouseError { stream.failure("result: \(what)") }

    /// The error that the server put behind the rows, or nil. Takes what is left of the stream.
    mutating func exception() -> ClickHouseError? {
        while bytes.count < 1 << 24, let more = try? stream.read(into: &bytes), more {}
        return stream.exception(in: bytes[...])
    }
}
