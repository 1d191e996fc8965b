/// Bytes that grow at the end and keep their memory when cleared. What `bytes` gives stays valid until the next change.
struct ByteStore: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    /// More than this is given back when cleared: one huge message must not hold its memory for ever.
    private static let kept = 1 << 20

    init() { memory = .allocate(byteCount: 4096, alignment: 8) }

    deinit { memory.deallocate() }

    var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: memory[..<count]) }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        if more.isEmpty { return }
        if count + more.count > memory.count { grow(to: max(memory.count * 2, count + more.count)) }
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: more)
        count += more.count
    }

    mutating func clear() {
        count = 0
        if memory.count > Self.kept { grow(to: 4096) }
    }

    private mutating func grow(to capacity: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
    }
}
