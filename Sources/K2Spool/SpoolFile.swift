import Glibc
import K2Bytes

/// An open file of the spool: system calls by offset, with `EINTR` and short counts dealt with. Closes itself.
final class SpoolFile {
    let path: String
    private let descriptor: Int32

    /// - Parameter flags: of open(2); close-on-exec is added.
    init(_ path: String, _ flags: Int32) throws(SpoolError) {
        var result: Int32
        repeat { result = open(path, flags | O_CLOEXEC, 0o644) } while result < 0 && errno == EINTR
        guard result >= 0 else { throw .system(errno, path, "open") }
        self.path = path
        descriptor = result
    }

    deinit { close(descriptor) }

    func size() throws(SpoolError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno, path, "look at") }
        return Int(status.st_size)
    }

    /// Appends up to `count` bytes from `offset` on to `output`: fewer only where the file ends. On an error `output` is as before.
    func read(_ count: Int, at offset: Int, into output: inout ByteWriter) throws(SpoolError) {
        let before = output.count
        var done = 0
        var failure: Int32 = 0
        let descriptor = self.descriptor
        output.append(count: count) { target in
            while done < count {
                let got = pread(descriptor, target + done, count - done, off_t(offset + done))
                if got > 0 {
                    done += got
                } else if got == 0 || errno != EINTR {
                    failure = got == 0 ? 0 : errno
                    return
                }
            }
        }
        output.truncate(to: failure == 0 ? before + done : before)
        if failure != 0 { throw .system(failure, path, "read") }
    }

    func write(_ bytes: Span<UInt8>, at offset: Int) throws(SpoolError) {
        let descriptor = self.descriptor
        let failure: Int32 = bytes.withUnsafeBytes { source in
            var done = 0
            while done < source.count {
                let count = pwrite(descriptor, source.baseAddress! + done, source.count - done, off_t(offset + done))
                if count >= 0 { done += count } else if errno != EINTR { return errno }
            }
            return 0
        }
        if failure != 0 { throw .system(failure, path, "write") }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(SpoolError) { try write(bytes.span, at: offset) }

    func truncate(to size: Int) throws(SpoolError) {
        while ftruncate(descriptor, off_t(size)) != 0 {
            if errno != EINTR { throw .system(errno, path, "truncate") }
        }
    }

    func sync() throws(SpoolError) {
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw .system(errno, path, "sync") }
        }
    }

    /// Takes the lock that no other open file can have at the same time; it ends with this object or the process.
    ///
    /// Waits for up to a quarter of a second: the process before us may just be ending.
    func lock() throws(SpoolError) {
        var tries = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            if errno != EWOULDBLOCK { throw .system(errno, path, "lock") }
            if tries == 25 { throw SpoolError(.locked, path: path, "in use by another process", number: EWOULDBLOCK) }
            tries += 1
            usleep(10_000)
        }
    }
}
