import Glibc
import K2Bytes
import K2TestSupport
import Testing

@testable import K2Spool

/// What a kill, a broken disk or a full one leave behind.
@Suite struct DamageTests {
    private static let blocks = ["first\n", "second\n", "third and last\n"]

    /// A spool folder with one segment of `blocks`; its path and bytes.
    private static func segment(_ folder: TestFolder) throws -> (path: String, bytes: [UInt8]) {
        let queue = try SegmentQueueTests.queue(folder)
        for block in blocks { try queue.put(block) }
        let path = try #require(try SegmentQueueTests.segmentFiles(folder).first)
        return (path, try read(path))
    }

    private static func read(_ path: String) throws -> [UInt8] {
        var bytes = ByteWriter()
        let file = try SpoolFile(path, O_RDONLY)
        try file.read(try file.size(), at: 0, into: &bytes)
        return bytes.array
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try SpoolFile(path, O_RDWR | O_CREAT | O_TRUNC)
        try file.write(bytes.span, at: 0)
    }

    @Test func aTornLastFrameIsCutAtEveryByte() throws {
        let folder = try TestFolder()
        let (path, bytes) = try Self.segment(folder)
        let lastFrame = bytes.count - Frame.headerBytes - Self.blocks[2].utf8.count
        for size in lastFrame..<bytes.count {
            try Self.write(Array(bytes[..<size]), to: path)
            do {
                let queue = try SegmentQueueTests.queue(folder)
                #expect(queue.tornBytes == size - lastFrame)
                #expect(queue.depth.frames == 2)
                try queue.put("after\n")
            }
            let queue = try SegmentQueueTests.queue(folder)
            #expect(queue.tornBytes == 0)
            #expect(try queue.takeAll() == ["first\n", "second\n", "after\n"])
            #expect(queue.takeDamagedBytes() == 0)
        }
    }

    @Test func aSegmentWithoutItsHeaderIsDeleted() throws {
        let folder = try TestFolder()
        let (path, bytes) = try Self.segment(folder)
        for size in [0, 1, Segment.headerBytes - 1, Segment.headerBytes] {
            try Self.write(Array(bytes[..<size]), to: path)
            let queue = try SegmentQueueTests.queue(folder)
            #expect(queue.isEmpty && access(path, F_OK) != 0)
        }
    }

    /// Whatever bit is wrong: what comes out are the blocks that were put in, in order, and what is missing is reported.
    @Test func aFlippedBitCostsOneBlock() throws {
        let folder = try TestFolder()
        let (path, bytes) = try Self.segment(folder)
        for bit in 0..<(bytes.count * 8) {
            var broken = bytes
            broken[bit / 8] ^= 1 << UInt8(bit % 8)
            try Self.write(broken, to: path)
            let queue = try SegmentQueueTests.queue(folder)
            let read = try queue.takeAll()
            let reported = queue.takeDamagedBytes() + queue.tornBytes
            if bit < Segment.headerBytes * 8 {
                #expect(read == Self.blocks && reported == 0, "bit \(bit)")
            } else {
                let lost = Self.blocks.filter { !read.contains($0) }
                #expect(read == Self.blocks.filter { read.contains($0) } && lost.count == 1, "bit \(bit)")
                #expect(reported == Frame.headerBytes + lost[0].utf8.count, "bit \(bit)")
            }
        }
    }

    @Test func manyFlippedBitsNeverGiveOtherBlocks() throws {
        var random = Seeded.start()
        let folder = try TestFolder()
        let (path, bytes) = try Self.segment(folder)
        for round in 0..<500 {
            var broken = bytes
            for _ in 0..<random.int(1...40) { broken[random.int(0...(broken.count - 1))] ^= 1 << UInt8(random.int(0...7)) }
            if random.once(in: 3) { broken.removeLast(random.int(1...(broken.count - 1))) }
            if random.once(in: 3) { broken += random.bytes(random.int(1...100)) }
            try Self.write(broken, to: path)
            let queue = try SegmentQueueTests.queue(folder)
            let read = try queue.takeAll()
            #expect(read == Self.blocks.filter { read.contains($0) }, "round \(round), seed \(random.seed)")
        }
    }

    @Test func damageIsNotGivenAsDropped() throws {
        let folder = try TestFolder()
        let (path, bytes) = try Self.segment(folder)
        var broken = bytes
        broken[Segment.headerBytes + 2 * Frame.headerBytes + Self.blocks[0].utf8.count] ^= 1
        try Self.write(broken, to: path)
        let queue = try SegmentQueueTests.queue(folder)
        var dropped: [String] = []
        _ = try queue.dropOldest { block in dropped.append(String(decoding: block.withUnsafeBytes { Array($0) }, as: UTF8.self)) }
        #expect(dropped == [Self.blocks[0], Self.blocks[2]])
        #expect(queue.takeDamagedBytes() == Frame.headerBytes + Self.blocks[1].utf8.count)
    }

    @Test func theOtherPositionCountsWhenOneIsTorn() throws {
        let folder = try TestFolder()
        let (path, _) = try Self.segment(folder)
        do {
            let queue = try SegmentQueueTests.queue(folder)
            for block in Self.blocks[..<2] { #expect(try queue.take() == block) }
        }
        var bytes = try Self.read(path)
        let found = SegmentPosition.newest(inHeader: bytes.span)
        let newest = try #require(found)
        #expect(newest.written == 2)
        bytes[newest.place + 9] ^= 1
        try Self.write(bytes, to: path)
        #expect(try SegmentQueueTests.queue(folder).takeAll() == Array(Self.blocks[1...]))
    }

    @Test func otherFilesAreLeftAlone() throws {
        let folder = try TestFolder()
        _ = try Self.segment(folder)
        let names = ["readme", "1.spool", "8000000000000000.SPOOL", "8000000000000000.spool.bak"]
        for name in names { _ = try folder.file("spool/\(name)", Array("mine".utf8)) }
        #expect(try SegmentQueueTests.queue(folder).takeAll() == Self.blocks)
        for name in names { #expect(try Self.read(folder.path + "/spool/" + name) == Array("mine".utf8)) }
    }

    /// Needs the right to mount; without it the test says nothing.
    @Test func aFullDiskLeavesTheQueueUsable() throws {
        let folder = try TestFolder()
        let disk = folder.path + "/spool"
        _ = mkdir(disk, 0o755)
        guard mount("tmpfs", disk, "tmpfs", 0, "size=64k") == 0 else { return }
        defer { umount2(disk, Int32(MNT_DETACH)) }
        let queue = try SegmentQueueTests.queue(folder, limit: 1 << 20, segmentBytes: 20_000)
        var kept: [[UInt8]] = []
        var failure: SpoolError?
        while failure == nil, kept.count < 200 {
            let block = [UInt8](repeating: UInt8(kept.count), count: 3_000)
            do {
                try queue.put(block)
                kept.append(block)
            } catch {
                failure = error as? SpoolError
            }
        }
        #expect(failure?.code == .noSpace && failure?.number == ENOSPC)
        #expect(failure?.description.hasSuffix("cannot write: no space left on device") == true)
        #expect(queue.depth.frames == kept.count && kept.count > 10)
        #expect(throws: SpoolError.self) { try queue.putBack([UInt8](repeating: 7, count: 9_000)) }
        // Reading frees space, although its position has to be written too.
        for _ in 0..<8 {
            #expect(try queue.look() == kept.removeFirst())
            try queue.discard()
        }
        let later = [UInt8](repeating: 255, count: 2_000)
        try queue.put(later)
        kept.append(later)
        try queue.close()
        let again = try SegmentQueueTests.queue(folder)
        #expect(again.tornBytes == 0)
        for block in kept {
            #expect(try again.look() == block)
            try again.discard()
        }
        #expect(again.isEmpty && again.takeDamagedBytes() == 0)
    }
}
