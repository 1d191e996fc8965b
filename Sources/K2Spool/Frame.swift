import CK2XXHash
import K2Bytes

/// One block on disk: magic (4 bytes), length of the content (4), checksum of the content (8), checksum of these 16 bytes (8), content;
/// numbers are little-endian.
///
/// The header has a checksum of its own, as headers alone are looked at to find the end of a segment.
enum Frame {
    /// Bytes that UTF-8 never holds, so that the text of a block is hardly ever taken for a frame.
    static let magic: UInt32 = 0x53ff_fe4b
    static let headerBytes = 24
    private static let checkedBytes = 16
    /// The most bytes in one block; a larger length is damage.
    static let maxContentBytes = 256 << 20

    struct Header: Equatable {
        var length: Int
        var checksum: UInt64
    }

    /// XXH3 of the content; the seed takes in the length, so that a run of zeros is not taken for another one.
    static func checksum(_ content: Span<UInt8>) -> UInt64 {
        content.withUnsafeBytes { ck2_xxh3_128($0.baseAddress, $0.count, UInt64($0.count)).low }
    }

    static func header(of content: Span<UInt8>) -> [UInt8] {
        var writer = ByteWriter(capacity: headerBytes)
        writer.appendLittleEndian(magic)
        writer.appendLittleEndian(UInt32(content.count))
        writer.appendLittleEndian(checksum(content))
        writer.appendLittleEndian(checksum(writer.bytes))
        return writer.array
    }

    /// The header at the start of `bytes`; nil when it is none, or when its content would not fit into `room` bytes behind it.
    static func decode(_ bytes: Span<UInt8>, room: Int) -> Header? {
        guard bytes.count >= headerBytes, bytes.littleEndian(UInt32.self, at: 0) == magic,
            bytes.littleEndian(UInt64.self, at: checkedBytes) == checksum(bytes.extracting(0..<checkedBytes))
        else { return nil }
        let length = Int(bytes.littleEndian(UInt32.self, at: 4))
        guard length <= maxContentBytes, length <= room else { return nil }
        return Header(length: length, checksum: bytes.littleEndian(UInt64.self, at: 8))
    }

    /// Where the next whole frame with a fitting checksum starts in `bytes`, at `start` or behind it.
    static func find(in bytes: Span<UInt8>, from start: Int) -> Int? {
        var offset = start
        while offset + headerBytes <= bytes.count {
            let rest = bytes.extracting(offset..<bytes.count)
            if let header = decode(rest, room: rest.count - headerBytes),
                checksum(rest.extracting(headerBytes..<(headerBytes + header.length))) == header.checksum
            {
                return offset
            }
            offset += 1
        }
        return nil
    }
}

extension Span<UInt8> {
    /// The number whose bytes start at `offset`, least significant first. Precondition: they are inside.
    func littleEndian<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T {
        withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
    }
}
