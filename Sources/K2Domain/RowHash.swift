import CK2XXHash

/// A hash of a row over its columns that ClickHouse computes in SQL and we compute from columns, to the same 64 bits.
///
/// A row's hash is `mix` of the wrapping sum of one term a column; each term depends on the column's name by a salt of its own, so that values
/// which change places between columns change the sum. Nothing in it depends on the order of rows, columns or map entries:
///
/// | value | term |
/// |---|---|
/// | boolean, integer, time in µs | `mix(v + salt)`, v as 64 bits |
/// | decimal (the unscaled number), UUID (big-endian) | `mix(mix(lower 64 bits + salt) + upper 64 bits)` |
/// | text | `mix(XXH64(bytes) + salt)` |
/// | list | sum of `mix(mix(XXH64(element) + salt) + position)`, positions from 1 |
/// | map | sum of `mix(mix(XXH64(key) + salt) + XXH64(value))` |
/// | null | `null` |
///
/// `mix` is ClickHouse's `intHash64`: MurmurHash3's 64-bit finalizer behind an exclusive or with a constant. It is a bijection, so one number or time that
/// changes always changes the row's hash; other changes stay unseen with a probability of 2^-64.
public enum RowHash {
    /// The term of a null.
    public static let null: UInt64 = 0x6b32_6e75_6c6c_91d7

    /// What keeps the values of the column `name` apart from those of other columns.
    public static func salt(_ name: String) -> UInt64 {
        var copy = name
        return copy.withUTF8 { ck2_xxh64($0.baseAddress, $0.count) }
    }

    @inlinable @inline(__always)
    public static func mix(_ value: UInt64) -> UInt64 {
        var x = value ^ 0x4cf2_d2ba_ae6d_a887
        x ^= x >> 33
        x &*= 0xff51_afd7_ed55_8ccd
        x ^= x >> 33
        x &*= 0xc4ce_b9fe_1a85_ec53
        return x ^ x >> 33
    }

    /// XXH64 of the bytes of a text, seed 0.
    public static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 { ck2_xxh64(bytes.baseAddress, bytes.count) }

    /// The term of a boolean, an integer or a time.
    @inlinable @inline(__always)
    public static func term(_ value: UInt64, salt: UInt64) -> UInt64 { mix(value &+ salt) }

    /// The term of a decimal or a UUID.
    @inlinable @inline(__always)
    public static func wideTerm(_ value: UInt128, salt: UInt64) -> UInt64 {
        mix(mix(UInt64(truncatingIfNeeded: value) &+ salt) &+ UInt64(truncatingIfNeeded: value >> 64))
    }

    /// What the element of a list at `position`, from 1, adds to the list's term.
    @inlinable @inline(__always)
    public static func element(_ text: UInt64, at position: UInt64, salt: UInt64) -> UInt64 { mix(mix(text &+ salt) &+ position) }

    /// What an entry of a map adds to the map's term.
    @inlinable @inline(__always)
    public static func entry(_ key: UInt64, _ value: UInt64, salt: UInt64) -> UInt64 { mix(mix(key &+ salt) &+ value) }
}
