/// A name and its text as ranges of one line: an entry of a string map that was not copied anywhere yet.
public struct NamedText: Sendable {
    public var key: ByteRange
    public var value: ByteRange
    /// The value is JSON (an object or array) rather than text: it has to be escaped to stand in a string.
    public var isStructured: Bool

    @inlinable public init(key: ByteRange, value: ByteRange, isStructured: Bool) {
        self.key = key
        self.value = value
        self.isStructured = isStructured
    }
}
