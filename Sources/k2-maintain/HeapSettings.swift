import Glibc

/// Settings of the C library's heap.
enum HeapSettings {
    /// Makes what is freed go back to the system, so that the process is as large as what it holds.
    ///
    /// The heap else keeps freed blocks of up to 32 MB to use them again, and columns of many sizes leave it in pieces: a limit of memory would be
    /// passed by what nobody uses. Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    static func returnFreedMemory() {
        typealias Setter = @convention(c) (Int32, Int32) -> Int32
        // The function is in the library but not in its Swift module.
        guard let symbol = dlsym(nil, "mallopt") else { return }
        let set = unsafeBitCast(symbol, to: Setter.self)
        _ = set(mmapThreshold, 8 << 20)
        // What is set by hand is not adapted any more, and 128 kB, the default here, would let memory come and go with every page that is read.
        _ = set(trimThreshold, 16 << 20)
    }

    private static let mmapThreshold: Int32 = -3
    private static let trimThreshold: Int32 = -1
}
