import CK2XXHash
import K2Bytes

/// The constants with which the values of one leaf go into the digests of rows.
public struct LeafDigest: Equatable, Sendable {
    /// What a value adds to a row's state, and to the sum.
    struct Part {
        var digest: UInt128
        var number: Int128
    }

    private let present: UInt128
    private let low: UInt128
    private let high: UInt128
    private let definition: UInt128
    private let repetition: UInt128
    private let type: ParquetSchema.FieldType
    private let isDecimal: Bool

    /// By which the entries of one row are told apart by their order.
    static let step: UInt128 = 0x9fb2_1c65_1e98_df25_c2b2_ae3d_27d4_eb4f

    /// - Parameter number: of the leaf, such as its field id; leaves of other numbers have other constants.
    public init(_ type: ParquetSchema.FieldType, number: Int) {
        var seed = RowDigests.scrambled(UInt64(bitPattern: Int64(number)))
        func next() -> UInt128 {
            let (first, second) = (RowDigests.scrambled(seed ^ 0x5851_f42d_4c95_7f2d), RowDigests.scrambled(seed &+ 0x1405_7b7e_f767_814f))
            seed = RowDigests.scrambled(first ^ second &* 3)
            return (UInt128(first) << 64 | UInt128(second)) | 1
        }
        present = next()
        low = next()
        high = next()
        definition = next()
        repetition = next()
        self.type = type
        if case .decimal = type { isDecimal = true } else { isDecimal = false }
    }

    /// A null of a row's first level is nothing: a column that a file does not have costs no work.
    @inline(__always)
    func null(_ level: UInt8, _ repetition: UInt8) -> UInt128 { UInt128(level) &* definition &+ self.level(repetition) }

    @inline(__always)
    func level(_ repetition: UInt8) -> UInt128 { UInt128(repetition) &* self.repetition }

    @inline(__always)
    private func word(_ value: Int64) -> UInt128 { present &+ UInt128(UInt64(bitPattern: value)) &* low }

    @inline(__always)
    private func wide(_ value: Int128) -> UInt128 {
        present &+ UInt128(UInt64(truncatingIfNeeded: value)) &* low &+ UInt128(UInt64(truncatingIfNeeded: value &>> 64)) &* high
    }

    @inline(__always)
    private func text(_ bytes: UnsafeRawBufferPointer) -> UInt128 {
        let hash = ck2_xxh3_128(bytes.baseAddress, bytes.count, 0)
        return present &+ UInt128(hash.low) &* low &+ UInt128(hash.high) &* high
    }

    func parts(_ values: LeafValues, _ factor: Int64) -> [Part] {
        var parts: [Part] = []
        parts.reserveCapacity(values.count)
        forEach(values, factor) { _, digest, number in parts.append(Part(digest: digest, number: number)) }
        return parts
    }

    /// Calls `body` with each value's place, its part of a row's state, and its part of the sum.
    @inline(__always)
    func forEach(_ values: LeafValues, _ factor: Int64, _ body: (Int, UInt128, Int128) -> Void) {
        switch values {
        case .boolean(let values): Self.each(values) { body($0, word($1 ? 1 : 0), 0) }
        case .int32(let values):
            if isDecimal { Self.each(values) { body($0, wide(Int128($1)), Int128($1)) } }
            else { Self.each(values) { body($0, word(Int64($1) &* factor), Int128(Int64($1) &* factor)) } }
        case .int64(let values):
            if isDecimal { Self.each(values) { body($0, wide(Int128($1)), Int128($1)) } }
            else { Self.each(values) { body($0, word($1 &* factor), Int128($1 &* factor)) } }
        case .float(let values): Self.each(values) { body($0, word(Int64(bitPattern: Double($1).bitPattern)), 0) }
        case .double(let values): Self.each(values) { body($0, word(Int64(bitPattern: $1.bitPattern)), 0) }
        case .fixed(let width, let bytes):
            if isDecimal { return decimals(bytes, width, body) }
            bytes.withUnsafeBytes { bytes in
                for index in 0..<bytes.count / width {
                    if type == .uuid {
                        body(index, wide(Int128(bigEndian: bytes.loadUnaligned(fromByteOffset: index &* 16, as: Int128.self))), 0)
                    } else {
                        body(index, text(UnsafeRawBufferPointer(rebasing: bytes[index &* width..<(index &+ 1) &* width])), 0)
                    }
                }
            }
        case .byteArray(let column):
            column.data.withUnsafeBytes { data in
                column.offsets.withUnsafeBufferPointer { offsets in
                    for index in 0..<column.count {
                        let bytes = UnsafeRawBufferPointer(rebasing: data[Int(offsets[index])..<Int(offsets[index &+ 1])])
                        if isDecimal {
                            let number = Self.number(bytes)
                            body(index, wide(number), number)
                        } else {
                            body(index, text(bytes), 0)
                        }
                    }
                }
            }
        case .coded: preconditionFailure("values of a dictionary")
        }
    }

    @inline(__always)
    private static func each<T>(_ values: [T], _ body: (Int, T) -> Void) {
        values.withUnsafeBufferPointer { values in for index in 0..<values.count { body(index, values[index]) } }
    }

    @inline(__always)
    private func decimals(_ bytes: [UInt8], _ width: Int, _ body: (Int, UInt128, Int128) -> Void) {
        bytes.withUnsafeBytes { bytes in
            if width == 16 {
                for index in 0..<bytes.count / 16 {
                    let number = Int128(bigEndian: bytes.loadUnaligned(fromByteOffset: index &* 16, as: Int128.self))
                    body(index, wide(number), number)
                }
                return
            }
            for index in 0..<bytes.count / width {
                let number = Self.number(UnsafeRawBufferPointer(rebasing: bytes[index &* width..<(index &+ 1) &* width]))
                body(index, wide(number), number)
            }
        }
    }

    /// Two's complement, most significant byte first. That no more than sixteen bytes count is checked where the values are taken over.
    @inline(__always)
    private static func number(_ bytes: UnsafeRawBufferPointer) -> Int128 {
        var value: Int128 = bytes.first.map { $0 >= 0x80 } ?? false ? -1 : 0
        for byte in bytes { value = value &<< 8 | Int128(byte) }
        return value
    }
}
