import K2Bytes

extension SegmentQueue {
    /// Appends blocks from the front of the queue to `output`: as many as have together at most `maxBytes`, but at least one when there
    /// is one. They stay in the queue until `discard`; without it the next call gives the same ones again.
    ///
    /// Damaged frames are skipped (`takeDamagedBytes`). Fewer than would fit may be read.
    /// - Returns: the number of blocks; 0 when the queue is empty.
    /// - Throws: `.inputOutput`; `output` is as before then.
    public func peek(upTo maxBytes: Int, into output: inout ByteWriter) throws(SpoolError) -> Int {
        let before = output.count
        peeked = nil
        do throws(SpoolError) {
            while let segment = segments.first {
                let file = try file(of: segment)
                let read = try Self.frames(of: segment, in: file, upTo: maxBytes, into: &output)
                if read.frames > 0 {
                    peeked = (segment.number, read.end, read.frames)
                    return read.frames
                }
                try skipDamage(of: segment, in: file)
            }
            return 0
        } catch {
            output.truncate(to: before)
            throw error
        }
    }

    /// Reads good frames from the front of a segment; ends at the first that is damaged.
    private static func frames(
        of segment: Segment, in file: SpoolFile, upTo maxBytes: Int, into output: inout ByteWriter
    ) throws(SpoolError) -> (end: Int, frames: Int) {
        let before = output.count
        var (offset, frames) = (segment.consumed, 0)
        while let header = try file.frameHeader(at: offset, end: segment.end) {
            if frames > 0, output.count - before + header.length > maxBytes { break }
            guard try file.readContent(header, at: offset, into: &output) else { break }
            offset += Frame.headerBytes + header.length
            frames += 1
        }
        return (offset, frames)
    }

    /// Moves the front of the first segment, which is damaged there, to its next good frame.
    private func skipDamage(of segment: Segment, in file: SpoolFile) throws(SpoolError) {
        let header = try file.frameHeader(at: segment.consumed, end: segment.end)
        let next = try file.nextFrame(behind: segment.consumed, end: segment.end) ?? segment.end
        let lost = next - segment.consumed
        try consume(0, to: next, frames: header == nil ? 0 : 1)
        damage += lost
    }

    /// Removes what the last `peek` read. Once only; without a `peek` before it nothing happens.
    /// - Throws: `.inputOutput`; the blocks may be read again then.
    public func discard() throws(SpoolError) {
        guard let read = peeked else { return }
        peeked = nil
        guard let index = segments.firstIndex(where: { $0.number == read.number }) else { return }
        try consume(index, to: read.end, frames: read.frames)
    }

    private func consume(_ index: Int, to offset: Int, frames: Int) throws(SpoolError) {
        segments[index].consumed = offset
        segments[index].frames = max(segments[index].frames - frames, 0)
        if segments[index].isFinished { return try remove(at: index) }
        segments[index].positionsWritten += 1
        let position = SegmentPosition(written: segments[index].positionsWritten, offset: offset)
        try file(of: segments[index]).write(position.encoded, at: position.place)
    }

    /// Drops the oldest segment, but never the one from which blocks were read and not yet discarded: they may be on their way.
    ///
    /// - Parameters:
    ///   - dropped: is given its blocks in order, each readable during the call only.
    ///   - beforeRemoval: is called then, before the file is removed.
    /// - Returns: false when there is none to drop.
    /// - Throws: `.inputOutput` when the file cannot be removed. What cannot be read counts as damaged.
    public func dropOldest(_ dropped: (Span<UInt8>) -> Void, beforeRemoval: () -> Void = {}) throws(SpoolError) -> Bool {
        let index = peeked != nil && peeked?.number == segments.first?.number ? 1 : 0
        guard index < segments.count else { return false }
        let segment = segments[index]
        // What `beforeRemoval` appends must not go with it.
        finishAppending(to: segment)
        if let file = try? file(of: segment) {
            damage += Self.give(segment, in: file, to: dropped)
        } else {
            damage += segment.end - segment.consumed
        }
        beforeRemoval()
        try remove(at: index)
        return true
    }

    /// Hands out the frames of a segment; how many bytes of it could not be read.
    private static func give(_ segment: Segment, in file: SpoolFile, to dropped: (Span<UInt8>) -> Void) -> Int {
        var content = ByteWriter()
        var (offset, damage) = (segment.consumed, 0)
        do throws(SpoolError) {
            while offset < segment.end {
                content.removeAll()
                if let header = try file.frameHeader(at: offset, end: segment.end),
                    try file.readContent(header, at: offset, into: &content)
                {
                    dropped(content.bytes)
                    offset += Frame.headerBytes + header.length
                } else {
                    let next = try file.nextFrame(behind: offset, end: segment.end) ?? segment.end
                    damage += next - offset
                    offset = next
                }
            }
        } catch {
            damage += segment.end - offset
        }
        return damage
    }
}
