import Glibc

/// Settings of the C library's heap.
enum HeapSettings {
    /// Makes what is freed go back to the system, so that the process is as large as what it holds.
    ///
    /// The heap else keeps freed blocks of up to 32 MB to use them again, and columns of many sizes leave it in pieces: a limit of memory would be
    /// passed by what nobody uses. Source: mallopt(3), M_MMAP_THRESHOLD.
    static func returnFreedMemory() {
        typealias Setter = @convention(c) (Int32, Int32) -> Int32
        // The function is in the library but not in its Swift module.
        guard let symbol = dlsym(nil, "mallopt") else { return }
        _ = unsafeBitCast(symbol, to: Setter.self)(mmapThreshold, 8 << 20)
    }

    private static let mmapThreshold: Int32 = -3
}
