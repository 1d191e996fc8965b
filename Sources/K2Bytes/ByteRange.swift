/// A half-open range of byte offsets in a line or buffer that somebody else owns.
///
/// Ranges are used instead of spans where a value must outlive the call that found it but not the
/// line: they cost eight bytes, cannot dangle, and are resolved with `Span.extracting`.
public struct ByteRange: Equatable, Hashable, Sendable {
    public var lower: Int32
    public var upper: Int32

    @inlinable public init(_ lower: Int, _ upper: Int) {
        self.lower = Int32(truncatingIfNeeded: lower)
        self.upper = Int32(truncatingIfNeeded: upper)
    }

    public static let empty = ByteRange(0, 0)

    @inlinable public var count: Int { Int(upper) - Int(lower) }
    @inlinable public var isEmpty: Bool { upper <= lower }
    @inlinable public var range: Range<Int> { Int(lower)..<Int(upper) }
}

extension Span where Element == UInt8 {
    /// The part of this span that `range` names. Traps when it reaches outside.
    @inlinable
    @_lifetime(copy self)
    public func part(_ range: ByteRange) -> Span<UInt8> { extracting(range.range) }

    /// Whether the bytes equal the ASCII or UTF-8 text of `text`.
    @inlinable
    public func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return withUnsafeBytes { $0.isSame(as: UnsafeRawPointer(text.utf8Start)) }
    }

    @inlinable
    public func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return withUnsafeBytes { bytes in
            other.withUnsafeBytes { $0.count == 0 || bytes.isSame(as: $0.baseAddress.unsafelyUnwrapped) }
        }
    }

    /// The bytes as a string; invalid UTF-8 is shown with replacement characters.
    public var text: String {
        withUnsafeBufferPointer { String(decoding: unsafe $0, as: UTF8.self) }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether as many bytes at `other` are the same, eight of them a step.
    @inlinable
    @inline(__always)
    public func isSame(as other: UnsafeRawPointer) -> Bool {
        var offset = 0
        while offset + 8 <= count {
            if loadUnaligned(fromByteOffset: offset, as: UInt64.self) != other.loadUnaligned(fromByteOffset: offset, as: UInt64.self) {
                return false
            }
            offset += 8
        }
        while offset < count {
            if self[offset] != other.load(fromByteOffset: offset, as: UInt8.self) { return false }
            offset += 1
        }
        return true
    }
}
