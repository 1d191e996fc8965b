import K2Bytes
import K2TestSupport
import Testing

@testable import K2Spool

/// The queue against an array, with restarts, whatever the order of the calls.
@Suite struct QueueModelTests {
    private struct Model {
        var blocks: [[UInt8]] = []
        var random: Seeded
        var made: UInt8 = 0
        /// The blocks that were read last and not yet discarded.
        var pending = 0..<0

        mutating func newBlock() -> [UInt8] {
            made &+= 1
            return [UInt8](repeating: made, count: random.int(1...random.pick([10, 300, 900])))
        }
    }

    @Test func behavesLikeAnArray() throws {
        var model = Model(random: Seeded.start())
        for _ in 0..<10 {
            let folder = try TestFolder()
            let (limit, segmentBytes) = (model.random.int(4096...20_000), model.random.int(100...6_000))
            (model.blocks, model.pending) = ([], 0..<0)
            var queue: SegmentQueue? = try SegmentQueueTests.queue(folder, limit: limit, segmentBytes: segmentBytes)
            for step in 0..<400 {
                let note: Comment = "seed \(model.random.seed), step \(step)"
                if model.random.once(in: 25) {
                    if model.random.once(in: 2) { try queue?.close() }
                    queue = nil
                    model.pending = 0..<0
                    queue = try SegmentQueueTests.queue(folder, limit: limit, segmentBytes: segmentBytes)
                    #expect(queue?.tornBytes == 0, note)
                }
                if let queue { try Self.step(queue, &model, limit, note) }
            }
        }
    }

    private static func step(_ queue: SegmentQueue, _ model: inout Model, _ limit: Int, _ note: Comment) throws {
        switch model.random.int(0...9) {
        case 0...4:
            try discard(queue, &model)
            let block = model.newBlock()
            let dropped = try queue.put(block)
            #expect(dropped == Array(model.blocks.prefix(dropped.count)), note)
            model.blocks.removeFirst(dropped.count)
            model.blocks.append(block)
            #expect(queue.bytesOnDisk <= limit, note)
        case 5:
            let block = model.newBlock()
            try queue.putBack(block)
            model.blocks.insert(block, at: 0)
            model.pending = (model.pending.lowerBound + 1)..<(model.pending.upperBound + 1)
        default:
            var output = ByteWriter()
            let count = try queue.peek(upTo: model.random.int(0...3_000), into: &output)
            #expect((count == 0) == model.blocks.isEmpty, note)
            #expect(output.array == model.blocks.prefix(count).flatMap { $0 }, note)
            model.pending = 0..<count
            if !model.random.once(in: 4) { try discard(queue, &model) }
        }
        #expect(queue.depth.frames == model.blocks.count && queue.isEmpty == model.blocks.isEmpty, note)
        #expect(queue.depth.bytes == model.blocks.reduce(0) { $0 + $1.count + Frame.headerBytes }, note)
        #expect(queue.takeDamagedBytes() == 0, note)
    }

    private static func discard(_ queue: SegmentQueue, _ model: inout Model) throws {
        try queue.discard()
        model.blocks.removeSubrange(model.pending)
        model.pending = 0..<0
    }
}
