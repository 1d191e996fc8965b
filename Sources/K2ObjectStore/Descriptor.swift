import Glibc

/// The system calls of the local store, with `EINTR` and short counts dealt with.
struct Descriptor: ~Copyable {
    private(set) var number: Int32
    /// For messages.
    let location: String

    init(opening path: String, flags: Int32, mode: mode_t = 0o644, for location: String, _ action: String) throws(StoreError) {
        var result: Int32
        repeat { result = open(path, flags | O_CLOEXEC, mode) } while result < 0 && errno == EINTR
        guard result >= 0 else { throw .system(errno, at: location, action) }
        number = result
        self.location = location
    }

    deinit { if number >= 0 { Glibc.close(number) } }

    /// Closes and reports: on network file systems, write errors may first show here.
    mutating func close() throws(StoreError) {
        let open = number
        number = -1
        guard Glibc.close(open) == 0 || errno == EINTR else { throw .system(errno, at: location, "close") }
    }

    func writeAll(_ bytes: Span<UInt8>) throws(StoreError) {
        var done = 0
        while done < bytes.count {
            let part = bytes.extracting(done..<bytes.count)
            let written = part.withUnsafeBufferPointer { Glibc.write(number, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw .system(errno, at: location, "write")
            }
            done += written
        }
    }

    func readAll(count: Int, from start: Int64) throws(StoreError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var buffer = [UInt8](repeating: 0, count: min(count, 1 << 20))
        while result.count < count {
            let want = min(buffer.count, count - result.count)
            let got = buffer.withUnsafeMutableBytes { pread(number, $0.baseAddress, want, off_t(start) + off_t(result.count)) }
            if got < 0 {
                if errno == EINTR { continue }
                throw .system(errno, at: location, "read")
            }
            guard got > 0 else { throw StoreError(.inputOutput, at: location, "read: file ended after \(result.count) of \(count) bytes") }
            result.append(contentsOf: buffer[..<got])
        }
        return result
    }

    func sync() throws(StoreError) {
        while fsync(number) != 0 {
            if errno != EINTR { throw .system(errno, at: location, "fsync") }
        }
    }

    /// Size of an open regular file.
    func fileSize() throws(StoreError) -> Int {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw .system(errno, at: location, "stat") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw StoreError(.invalidLocation, at: location, "not a regular file") }
        return Int(status.st_size)
    }
}
