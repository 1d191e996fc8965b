import CK2XXHash
import K2Bytes

/// What is known of one file of the queue.
///
/// The file starts with `headerBytes` of header: magic (8 bytes) and two places (24 each) for the position up to which it was read,
/// written in turn. A position is written over the older one in place, so that reading goes on when the disk is full.
struct Segment: Equatable {
    static let magic: [UInt8] = Array("K2SPOOL1".utf8)
    static let headerBytes = 64
    /// The first segment of an empty folder: there is room for as many before it as behind.
    static let firstNumber: UInt64 = 1 << 63

    /// Segments are read in the order of their numbers.
    let number: UInt64
    /// Offset behind the last frame: the size of the file.
    var end = headerBytes
    /// Offset up to which everything was read and discarded.
    var consumed = headerBytes
    /// Frames behind `consumed`, as far as their headers tell.
    var frames = 0
    /// How often a position was written.
    var positionsWritten: UInt64 = 0
    /// Holds what was not synced.
    var isDirty = false

    var isFinished: Bool { consumed >= end }

    static let suffix = ".spool"

    /// 16 hexadecimal digits and the suffix, so that names sort like numbers.
    static func fileName(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits + suffix
    }

    /// The number in a file name; nil for the name of something else.
    static func number(fileName: String) -> UInt64? {
        guard fileName.hasSuffix(suffix), let number = UInt64(fileName.dropLast(suffix.count), radix: 16) else { return nil }
        return Self.fileName(number) == fileName ? number : nil
    }

    /// The header of a segment of which nothing was read.
    static let newHeader = magic + [UInt8](repeating: 0, count: headerBytes - magic.count)
}

/// The position in a segment up to which it was read: count of positions written (8 bytes), offset (8), checksum of both (8).
struct SegmentPosition: Equatable {
    static let bytes = 24

    var written: UInt64
    var offset: Int

    /// Where in the segment it stands: never over the one before it, which is still good when this one is torn.
    var place: Int { Segment.magic.count + Int(written % 2) * Self.bytes }

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytes)
        writer.appendLittleEndian(written)
        writer.appendLittleEndian(UInt64(offset))
        writer.appendLittleEndian(Frame.checksum(writer.bytes))
        return writer.array
    }

    /// The newer of the two positions in a segment's header; nil when there is none that is whole.
    static func newest(inHeader bytes: Span<UInt8>) -> SegmentPosition? {
        guard bytes.count >= Segment.headerBytes else { return nil }
        let places = [0, 1].compactMap { decode(bytes, at: Segment.magic.count + $0 * Self.bytes) }
        return places.max { $0.written < $1.written }
    }

    private static func decode(_ bytes: Span<UInt8>, at start: Int) -> SegmentPosition? {
        let numbers = bytes.extracting(start..<(start + 16))
        guard Frame.checksum(numbers) == bytes.littleEndian(UInt64.self, at: start + 16) else { return nil }
        return SegmentPosition(
            written: numbers.littleEndian(UInt64.self, at: 0), offset: Int(truncatingIfNeeded: numbers.littleEndian(UInt64.self, at: 8)))
    }
}
