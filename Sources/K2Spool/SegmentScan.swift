import Glibc
import K2Bytes

/// Finds the frames of a segment file.
extension SpoolFile {
    /// The header of the frame at `offset`; nil when there is no frame that ends before `end`.
    func frameHeader(at offset: Int, end: Int) throws(SpoolError) -> Frame.Header? {
        guard offset + Frame.headerBytes <= end else { return nil }
        var bytes = ByteWriter(capacity: Frame.headerBytes)
        try read(Frame.headerBytes, at: offset, into: &bytes)
        return Frame.decode(bytes.bytes, room: end - offset - Frame.headerBytes)
    }

    /// Appends the content of the frame at `offset` to `output`. False, and `output` as before, when it is damaged.
    func readContent(_ header: Frame.Header, at offset: Int, into output: inout ByteWriter) throws(SpoolError) -> Bool {
        let before = output.count
        try read(header.length, at: offset + Frame.headerBytes, into: &output)
        let isGood = Self.fits(header, output.bytes.extracting(before..<output.count))
        if !isGood { output.truncate(to: before) }
        return isGood
    }

    private static func fits(_ header: Frame.Header, _ content: Span<UInt8>) -> Bool {
        content.count == header.length && Frame.checksum(content) == header.checksum
    }

    /// Where the next good frame behind a damaged place starts. Reads the rest of the segment into memory.
    func nextFrame(behind offset: Int, end: Int) throws(SpoolError) -> Int? {
        guard offset + 1 < end else { return nil }
        var rest = ByteWriter(capacity: end - offset)
        try read(end - offset, at: offset, into: &rest)
        return Frame.find(in: rest.bytes, from: 1).map { offset + $0 }
    }

    /// What an earlier run left in this file, and how many bytes of an unfinished frame stand at its end.
    ///
    /// Only headers are looked at; contents are checked when they are read.
    func scan(number: UInt64) throws(SpoolError) -> (segment: Segment, tornBytes: Int) {
        let size = try size()
        var segment = Segment(number: number)
        guard size >= Segment.headerBytes else {
            segment.end = 0
            segment.consumed = 0
            return (segment, size)
        }
        var header = ByteWriter(capacity: Segment.headerBytes)
        try read(Segment.headerBytes, at: 0, into: &header)
        if let position = SegmentPosition.newest(inHeader: header.bytes), (Segment.headerBytes...size).contains(position.offset) {
            segment.consumed = position.offset
            segment.positionsWritten = position.written
        }
        segment.end = segment.consumed
        while segment.end < size {
            if let frame = try frameHeader(at: segment.end, end: size) {
                segment.end += Frame.headerBytes + frame.length
                segment.frames += 1
            } else if let next = try nextFrame(behind: segment.end, end: size) {
                segment.end = next
            } else {
                return (segment, size - segment.end)
            }
        }
        return (segment, 0)
    }
}
