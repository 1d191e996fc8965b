import Dispatch
import Foundation
import K2Bytes
import K2Spool
import K2TestSupport
import Testing

@testable import K2Load

/// What the queue said, from any thread.
private final class Said: @unchecked Sendable {
    // Unchecked: touched inside the lock only.
    private let lock = NSLock()
    private var all: [String] = []
    func add(_ text: String) { lock.withLock { all.append(text) } }
    var lines: [String] { lock.withLock { all } }
}

@Suite struct LoadQueueTests {
    private let folder: TestFolder
    private let said = Said()

    init() throws { folder = try TestFolder() }

    private func make(limit: Int = 1 << 20) throws -> LoadQueue {
        let said = said
        return LoadQueue(try SegmentQueue.open(folder: folder.path, limit: 1 << 40), folder: folder.path, limit: limit) { said.add($0) }
    }

    private static func append(_ text: String, repeated count: Int = 1, to queue: LoadQueue) -> Bool {
        var writer = ByteWriter()
        for _ in 0..<count { writer.append(string: text) }
        return queue.append(writer)
    }

    private func next(_ queue: LoadQueue) -> String? {
        guard case .batch(let bytes) = queue.next(until: 0) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func isAtEnd(_ queue: LoadQueue) -> Bool {
        guard case .end = queue.next(until: 0) else { return false }
        return true
    }

    @Test func batchesComeInOrderAndStayUntilTheyAreDiscarded() throws {
        let queue = try make()
        for name in ["one", "two"] { #expect(Self.append(name, to: queue)) }
        #expect(queue.depth.batches == 2)
        #expect(next(queue) == "one")
        #expect(next(queue) == "one")
        try queue.discard()
        #expect(next(queue) == "two")
        try queue.discard()
        #expect(!isAtEnd(queue))
        queue.close()
        #expect(isAtEnd(queue))
    }

    @Test func theNextStartGetsWhatWasNotDiscarded() throws {
        do {
            let queue = try make()
            for name in ["one", "two", "three"] { #expect(Self.append(name, to: queue)) }
            #expect(next(queue) == "one")
            try queue.discard()
            #expect(next(queue) == "two")
            try queue.finish()
        }
        let queue = try make()
        #expect(next(queue) == "two")
        try queue.discard()
        #expect(next(queue) == "three")
    }

    @Test func aDiscardWithoutABatchTakesNothingOut() throws {
        let queue = try make()
        try queue.discard()
        #expect(Self.append("one", to: queue))
        try queue.discard()
        #expect(next(queue) == "one")
        try queue.discard()
        try queue.discard()
        #expect(Self.append("two", to: queue))
        #expect(next(queue) == "two")
    }

    @Test func aFullQueueLetsTheReaderWait() throws {
        let queue = try make(limit: 4_000)
        #expect(Self.append("a", repeated: 3_000, to: queue))
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            _ = Self.append("b", repeated: 3_000, to: queue)
            done.signal()
        }
        #expect(done.wait(timeout: .now() + .milliseconds(200)) == .timedOut)
        #expect(said.lines == ["spool: full: reading waits for ClickHouse"])
        #expect(next(queue)?.first == "a")
        try queue.discard()
        #expect(done.wait(timeout: .now() + .seconds(20)) == .success)
        #expect(next(queue)?.first == "b")
    }

    @Test func aBatchLargerThanTheLimitIsTakenAlone() throws {
        let queue = try make(limit: 1_000)
        #expect(Self.append("x", repeated: 5_000, to: queue))
        #expect(next(queue)?.utf8.count == 5_000)
    }

    @Test func atTheEndTheLimitHoldsNothingBack() throws {
        let queue = try make(limit: 1_000)
        #expect(Self.append("a", repeated: 900, to: queue))
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            _ = Self.append("b", repeated: 900, to: queue)
            done.signal()
        }
        #expect(done.wait(timeout: .now() + .milliseconds(100)) == .timedOut)
        queue.giveUp()
        #expect(done.wait(timeout: .now() + .seconds(20)) == .success)
        #expect(queue.depth.batches == 2)
    }
}
