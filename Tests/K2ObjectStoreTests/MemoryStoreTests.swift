import K2ObjectStore
import Testing

struct MemoryStoreTests {
    @Test func `a fault before changes nothing, a fault after hides success`() throws {
        let store = MemoryStore()
        store.inject(.init(.put, locationContains: "x", code: .noSpace, reason: "write: no space left on device"))
        store.inject(.init(.put, locationContains: "y", moment: .after, code: .outcomeUnknown, isRetryable: true))
        try store.put([1], to: "a")
        let full = #expect(throws: StoreError.self) { try store.put([1], to: "x") }
        #expect(full?.description == "x: write: no space left on device" && full?.code == .noSpace)
        #expect(try !store.exists("x"))
        let lost = #expect(throws: StoreError.self) { try store.put([2], to: "y") }
        #expect(lost?.isRetryable == true)
        #expect(try store.get("y") == [2])
        try store.put([1], to: "x")
        #expect(store.log.first == "put a")
    }

    @Test func `faults can wait and repeat, also inside a writer`() throws {
        let store = MemoryStore()
        store.inject(.init(.write, skip: 1, count: 2))
        let writer = try store.openWriter("w")
        try writer.write([1])
        #expect(throws: StoreError.self) { try writer.write([2]) }
        #expect(throws: StoreError.self) { try writer.write([3]) }
        try writer.write([4])
        store.inject(.init(.close))
        #expect(throws: StoreError.self) { try writer.close() }
        #expect(try !store.exists("w"))
    }
}
