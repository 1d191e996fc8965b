import K2Bytes

/// Byte strings of a column in the order in which they are written: positions in a ByteColumn.
///
/// Nothing is copied until a page is encoded.
struct ByteSlices {
    var column: ByteColumn
    /// Each is below `column.count`; checked when the positions are made.
    var positions: [UInt32]

    var count: Int { positions.count }

    /// Gives `body` raw access for the length of the call.
    func withUnsafe<R>(_ body: (Unsafe) -> R) -> R {
        column.offsets.withUnsafeBufferPointer { offsets in
            column.data.withUnsafeBufferPointer { data in
                positions.withUnsafeBufferPointer { positions in
                    body(Unsafe(offsets: offsets, data: data, positions: positions))
                }
            }
        }
    }

    struct Unsafe {
        let offsets: UnsafeBufferPointer<UInt32>
        let data: UnsafeBufferPointer<UInt8>
        let positions: UnsafeBufferPointer<UInt32>

        @inline(__always)
        func length(_ index: Int) -> Int {
            let position = Int(positions[index])
            return Int(offsets[position + 1]) - Int(offsets[position])
        }

        @inline(__always)
        subscript(index: Int) -> UnsafeBufferPointer<UInt8> {
            let position = Int(positions[index])
            return UnsafeBufferPointer(rebasing: data[Int(offsets[position])..<Int(offsets[position + 1])])
        }
    }

    /// Unsigned order byte by byte, a prefix before what it begins: the order of strings and binaries.
    @inline(__always)
    static func precedes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        let shared = min(left.count, right.count)
        for index in 0..<shared where left[index] != right[index] { return left[index] < right[index] }
        return left.count < right.count
    }
}
