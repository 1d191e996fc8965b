import Glibc
import K2Bytes
import K2TestSupport
import Testing

@testable import K2Spool

/// What the tests do with a queue, in arrays.
extension SegmentQueue {
    /// The blocks that were dropped.
    @discardableResult
    func put(_ text: String) throws -> [String] { try put(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) } }

    @discardableResult
    func put(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var dropped: [[UInt8]] = []
        try append(bytes.span) { block in dropped.append(block.withUnsafeBytes { Array($0) }) }
        return dropped
    }

    func putBack(_ bytes: [UInt8]) throws { try prepend(bytes.span) }

    func putBack(_ text: String) throws { try putBack(Array(text.utf8)) }

    func look(upTo maxBytes: Int = 1) throws -> [UInt8] {
        var output = ByteWriter()
        _ = try peek(upTo: maxBytes, into: &output)
        return output.array
    }

    func take(upTo maxBytes: Int = 1) throws -> String {
        let bytes = try look(upTo: maxBytes)
        try discard()
        return String(decoding: bytes, as: UTF8.self)
    }

    func takeAll() throws -> [String] {
        var all: [String] = []
        while !isEmpty {
            let next = try take()
            if next != "" { all.append(next) }
        }
        return all
    }
}

@Suite struct SegmentQueueTests {
    static func queue(_ folder: TestFolder, limit: Int = 1 << 20, segmentBytes: Int = 8 << 20) throws -> SegmentQueue {
        try SegmentQueue.open(folder: folder.path + "/spool", limit: limit, segmentBytes: segmentBytes)
    }

    static func segmentFiles(_ folder: TestFolder) throws -> [String] {
        let spool = SpoolFolder(path: folder.path + "/spool")
        return try spool.fileNames().filter { Segment.number(fileName: $0) != nil }.sorted().map(spool.file)
    }

    @Test func blocksComeOutInOrder() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder)
        #expect(queue.isEmpty && queue.depth == .init(bytes: 0, frames: 0))
        #expect(try queue.look() == [])
        for text in ["a\n", "bb\n", "ccc\n"] { #expect(try queue.put(text) == []) }
        #expect(!queue.isEmpty && queue.depth == .init(bytes: 3 * Frame.headerBytes + 9, frames: 3))
        #expect(try queue.takeAll() == ["a\n", "bb\n", "ccc\n"])
        #expect(queue.isEmpty && queue.depth == .init(bytes: 0, frames: 0) && queue.takeDamagedBytes() == 0)
        #expect(try Self.segmentFiles(folder) == [])
    }

    @Test func aPeekTakesAsManyBlocksAsFitAndRepeatsThemUntilDiscarded() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder)
        for text in ["a\n", "bb\n", "ccc\n"] { try queue.put(text) }
        for _ in 0..<2 {
            #expect(try queue.look(upTo: 0) == Array("a\n".utf8))
            #expect(try queue.look(upTo: 8) == Array("a\nbb\n".utf8))
            #expect(try queue.look(upTo: 9) == Array("a\nbb\nccc\n".utf8))
        }
        var output = ByteWriter()
        output.append("before ")
        #expect(try queue.peek(upTo: 5, into: &output) == 2)
        #expect(output.array == Array("before a\nbb\n".utf8))
        try queue.discard()
        try queue.discard()
        #expect(try queue.takeAll() == ["ccc\n"])
    }

    @Test func anEmptyBlockIsNothing() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder)
        try queue.put("")
        try queue.putBack("")
        #expect(queue.isEmpty)
    }

    @Test func aRestartGoesOnWhereReadingEnded() throws {
        let folder = try TestFolder()
        do {
            let queue = try Self.queue(folder, segmentBytes: 200)
            for number in 0..<50 { try queue.put("block \(number)\n") }
            for number in 0..<20 { #expect(try queue.take() == "block \(number)\n") }
            // Read, but not discarded: comes again.
            #expect(try queue.look() == Array("block 20\n".utf8))
            try queue.close()
        }
        do {
            let queue = try Self.queue(folder, segmentBytes: 200)
            #expect(queue.depth.frames == 30 && queue.tornBytes == 0)
            #expect(try queue.take() == "block 20\n")
            try queue.put("later\n")
            // Not closed: as after kill -9.
        }
        let queue = try Self.queue(folder)
        #expect(try queue.takeAll() == (21..<50).map { "block \($0)\n" } + ["later\n"])
    }

    @Test func finishedSegmentsAreDeleted() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder, segmentBytes: 200)
        for number in 0..<40 { try queue.put("block \(number)\n") }
        let before = try Self.segmentFiles(folder).count
        #expect(before > 5)
        for _ in 0..<20 { _ = try queue.take() }
        let after = try Self.segmentFiles(folder).count
        #expect(after < before && after > 0)
        _ = try queue.takeAll()
        #expect(try Self.segmentFiles(folder) == [])
    }

    @Test func whatWasUndeliveredComesBackToTheFront() throws {
        let folder = try TestFolder()
        do {
            let queue = try Self.queue(folder)
            for text in ["a\n", "b\nB\n", "c\n"] { try queue.put(text) }
            #expect(try queue.look(upTo: 6) == Array("a\nb\nB\n".utf8))
            // "a" and "b" arrived. First put back, then discard: a kill between the two loses nothing.
            try queue.putBack("B\n")
            try queue.discard()
            try queue.putBack("0\n")
            #expect(queue.depth.frames == 3)
        }
        let queue = try Self.queue(folder)
        #expect(try queue.takeAll() == ["0\n", "B\n", "c\n"])
        try queue.putBack("z\n")
        try queue.put("end\n")
        #expect(try queue.takeAll() == ["z\n", "end\n"])
    }

    @Test func aHalfWrittenPrependIsForgotten() throws {
        let folder = try TestFolder()
        do { try Self.queue(folder).put("a\n") }
        _ = try folder.file("spool/\(SegmentQueue.asideName)", [1, 2, 3])
        let queue = try Self.queue(folder)
        #expect(access(folder.path + "/spool/" + SegmentQueue.asideName, F_OK) != 0)
        #expect(try queue.takeAll() == ["a\n"])
    }

    @Test func overTheLimitTheOldestAreGivenBack() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder, limit: 4096)
        var (kept, lost): ([String], [String]) = ([], [])
        for number in 0..<200 {
            let text = "block \(number) " + String(repeating: "x", count: number % 50) + "\n"
            kept.append(text)
            let dropped = try queue.put(text)
            #expect(Array(kept.prefix(dropped.count)) == dropped)
            lost += dropped
            kept.removeFirst(dropped.count)
            #expect(queue.bytesOnDisk <= 4096)
            if number % 7 == 0, let first = kept.first {
                #expect(try queue.take() == first)
                kept.removeFirst()
            }
        }
        #expect(!lost.isEmpty && kept.count > 20)
        #expect(try queue.takeAll() == kept)
        #expect(queue.takeDamagedBytes() == 0)
    }

    @Test func whatIsBeingDeliveredIsNotDropped() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder, limit: 4096)
        for number in 0..<30 { try queue.put("block \(number)\n") }
        #expect(try queue.look() == Array("block 0\n".utf8))
        var dropped: [String] = []
        for _ in 0..<20 { dropped += try queue.put(String(repeating: "y", count: 900)) }
        #expect(dropped.count > 10 && !dropped.contains("block 0\n"))
        #expect(queue.bytesOnDisk <= 4096)
        try queue.discard()
        #expect(try queue.take() == "block 1\n")
    }

    @Test func droppingByHandEmptiesTheQueue() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder, segmentBytes: 100)
        for number in 0..<5 { try queue.put("block \(number)\n") }
        var dropped: [String] = []
        while try queue.dropOldest({ block in dropped.append(String(decoding: block.withUnsafeBytes { Array($0) }, as: UTF8.self)) }) {}
        #expect(dropped == (0..<5).map { "block \($0)\n" } && queue.isEmpty)
    }

    @Test func theQueueMayBeAskedWhileItDrops() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder, limit: 4096)
        let block = [UInt8](repeating: 0x61, count: 500)
        var asked = 0
        for _ in 0..<20 {
            try queue.append(block.span) { _ in
                asked += queue.depth.frames + queue.takeDamagedBytes() > 0 && !queue.isEmpty ? 1 : 0
            }
        }
        #expect(asked > 10)
    }

    @Test func limitsAreSaid() throws {
        let folder = try TestFolder()
        let small = #expect(throws: SpoolError.self) { try Self.queue(folder, limit: 4095) }
        #expect(small?.description == "\(folder.path)/spool: limit too small: expected at least 4096 bytes, found 4095")
        let queue = try Self.queue(folder, limit: 4096)
        #expect(queue.maxBlockBytes == 936)
        try queue.put([UInt8](repeating: 0x61, count: 936))
        let large = #expect(throws: SpoolError.self) { try queue.put([UInt8](repeating: 0x61, count: 937)) }
        #expect(large?.code == .tooLarge)
        #expect(large?.description == "\(folder.path)/spool: block too large: expected at most 936 bytes, found 937")
        #expect(throws: SpoolError.self) { try queue.putBack([UInt8](repeating: 0x61, count: 937)) }
        #expect(queue.depth.frames == 1)
    }

    @Test func twoOwnersAreRefused() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder)
        let error = #expect(throws: SpoolError.self) { try Self.queue(folder) }
        #expect(error?.code == .locked && error?.description == "\(folder.path)/spool/lock: in use by another process")
        try queue.close()
        try Self.queue(folder).put("free\n")
    }

    @Test func aFolderThatCannotBeIsSaid() throws {
        let folder = try TestFolder()
        let file = try folder.file("plain", [])
        let error = #expect(throws: SpoolError.self) { try SegmentQueue.open(folder: file + "/spool", limit: 1 << 20) }
        #expect(error?.description == "\(file)/spool: cannot create: not a directory")
        let other = #expect(throws: SpoolError.self) { try SegmentQueue.open(folder: file, limit: 1 << 20) }
        #expect(other?.description == "\(file): cannot use: not a directory")
    }

    @Test func syncMayBeCalledAnyTime() throws {
        let folder = try TestFolder()
        let queue = try Self.queue(folder, segmentBytes: 100)
        try queue.sync()
        for number in 0..<5 { try queue.put("block \(number)\n") }
        try queue.sync()
        _ = try queue.takeAll()
        try queue.sync()
    }
}
