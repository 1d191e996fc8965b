/// A fixed name that is compared with many: its length and first eight bytes decide nearly always.
public struct ByteName: Sendable {
    public let text: StaticString
    @usableFromInline let count: Int
    @usableFromInline let head: UInt64

    public init(_ text: StaticString) {
        self.text = text
        count = text.utf8CodeUnitCount
        head = Candidate.head(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// A name that was read, prepared for comparison with several fixed ones.
    public struct Candidate: ~Escapable {
        @usableFromInline let bytes: Span<UInt8>
        @usableFromInline let head: UInt64

        @inlinable
        @_lifetime(copy bytes)
        public init(_ bytes: Span<UInt8>) {
            self.bytes = bytes
            head = bytes.withUnsafeBytes { Self.head($0) }
        }

        /// The first eight bytes as a number, zeros behind a shorter name.
        @inlinable
        static func head(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
            if bytes.count >= 8 { return bytes.loadUnaligned(as: UInt64.self) }
            var head: UInt64 = 0
            for offset in 0..<bytes.count { head |= UInt64(bytes[offset]) << UInt64(offset * 8) }
            return head
        }

        @inlinable
        public func equals(_ name: ByteName) -> Bool {
            head == name.head && bytes.count == name.count && (name.count <= 8 || bytes.equals(name.text))
        }
    }
}

extension ByteName: ExpressibleByStringLiteral {
    public init(stringLiteral text: StaticString) { self.init(text) }
}
