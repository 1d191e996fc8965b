/// Byte strings of any length, one after the other, as the caller collects them.
///
/// A column holds up to 4 GiB.
public struct ByteColumn: Equatable, Sendable {
    /// Where each value starts; one more entry than there are values, the first is 0.
    public private(set) var offsets: [UInt32]
    public private(set) var data: [UInt8]

    public init() {
        offsets = [0]
        data = []
    }

    /// - Precondition: `offsets` starts at 0, never falls, and ends at `data.count`.
    public init(offsets: [UInt32], data: [UInt8]) {
        precondition(offsets.first == 0 && offsets.last.map { Int($0) } == data.count)
        precondition(zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 })
        self.offsets = offsets
        self.data = data
    }

    public init(_ values: some Sequence<String>) {
        self.init()
        for value in values { append(value) }
    }

    public var count: Int { offsets.count - 1 }

    public mutating func reserveCapacity(_ values: Int, bytes: Int) {
        offsets.reserveCapacity(values + 1)
        data.reserveCapacity(bytes)
    }

    /// - Precondition: the column stays below 4 GiB.
    @inlinable
    public mutating func append(_ value: Span<UInt8>) {
        value.withUnsafeBufferPointer { append($0) }
    }

    /// - Precondition: the column stays below 4 GiB.
    public mutating func append(_ value: UnsafeBufferPointer<UInt8>) {
        data.append(contentsOf: value)
        offsets.append(UInt32(data.count))
    }

    /// Appends the UTF-8 of `value`.
    public mutating func append(_ value: String) {
        var copy = value
        copy.withUTF8 { append($0) }
    }

    /// Appends an empty value; also the placeholder for a null.
    public mutating func appendEmpty() { offsets.append(UInt32(data.count)) }

    public mutating func removeAll(keepingCapacity: Bool = true) {
        offsets.removeAll(keepingCapacity: keepingCapacity)
        offsets.append(0)
        data.removeAll(keepingCapacity: keepingCapacity)
    }

    /// A copy of the value at `index`.
    public subscript(index: Int) -> [UInt8] { Array(data[Int(offsets[index])..<Int(offsets[index + 1])]) }
}
