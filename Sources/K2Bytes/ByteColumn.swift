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

    /// Where value `index` is in `data`.
    @inline(__always)
    func range(_ index: Int) -> Range<Int> { Int(offsets[index])..<Int(offsets[index + 1]) }

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

    /// Bytes behind the appended ones that `body` of `append(values:bytes:_:)` may write to, so that it can copy in whole words.
    public static let slack = 32

    /// Appends `values` byte strings of at most `bytes` bytes together, which `body` writes in place.
    ///
    /// `body` gets the offset at which the first one starts, and writes for each where it ends and its bytes. It returns how many bytes that
    /// were, or nil when it cannot; then nothing is appended.
    /// - Precondition: the column stays below 4 GiB, the ends never fall, and the last one is the end of the bytes.
    public mutating func append(
        values: Int, bytes: Int,
        _ body: (_ start: UInt32, _ ends: UnsafeMutablePointer<UInt32>, _ data: UnsafeMutablePointer<UInt8>) -> Int?
    ) -> Bool {
        if values == 0 { return true }
        let start = UInt32(data.count)
        precondition(bytes >= 0 && data.count + bytes <= Int(UInt32.max))
        Self.makeRoom(in: &offsets, for: values)
        Self.makeRoom(in: &data, for: bytes + Self.slack)
        var written: Int?
        offsets.append(addingCapacity: values) { offsets in
            offsets.withUnsafeMutableBufferPointer { ends, endCount in
                data.append(addingCapacity: bytes + Self.slack) { data in
                    data.withUnsafeMutableBufferPointer { target, count in
                        guard let first = ends.baseAddress, let room = target.baseAddress else { return }
                        written = body(start, first, room)
                        count = written ?? 0
                    }
                }
                endCount = written == nil ? 0 : values
            }
        }
        precondition(written.map { $0 <= bytes } ?? true && Int(offsets[offsets.count - 1]) == data.count)
        return written != nil
    }

    /// Room for `count` more, at least doubled when there is none.
    private static func makeRoom<T>(in array: inout [T], for count: Int) {
        let wanted = array.count + count
        if wanted > array.capacity { array.reserveCapacity(max(wanted, array.capacity * 2)) }
    }

    /// Appends all values of another column.
    /// - Precondition: the column stays below 4 GiB.
    public mutating func append(_ other: ByteColumn) {
        precondition(data.count + other.data.count <= Int(UInt32.max))
        // Shared, not copied.
        if count == 0, data.capacity == 0 { return self = other }
        let start = UInt32(data.count)
        data += other.data
        Self.makeRoom(in: &offsets, for: other.count)
        offsets.append(contentsOf: other.offsets.dropFirst().lazy.map { start &+ $0 })
    }

    /// The values at `range` as a column of their own.
    public subscript(values range: Range<Int>) -> ByteColumn {
        var part = ByteColumn()
        let start = offsets[range.lowerBound]
        part.data = Array(data[Int(start)..<Int(offsets[range.upperBound])])
        part.offsets = offsets[range.lowerBound...range.upperBound].map { $0 &- start }
        return part
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
