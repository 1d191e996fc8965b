import Glibc
import K2NDJSON

/// One file of a recording, open for appending whole members. Nobody else may write it at the same time.
final class RecordingFile {
    let path: String
    private let descriptor: Int32
    /// Bytes that are whole members; the file may be longer only after a failed write that could not be undone.
    private var end = 0

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// Opens `FOLDER/STEM.ndjson.gz`, which is made when missing, cuts off what is torn at its end, and goes on behind it.
    ///
    /// A file that is damaged otherwise is left alone; then `STEM-2` is taken, and so on.
    /// - Throws: `.writeFailed`, with `EAGAIN` when another process writes the file; `.readFailed`.
    static func open(folder: String, stem: String, format: RecordingFormat) throws(StreamError) -> RecordingFile {
        try makeFolder(folder)
        var number = 1
        while true {
            let name = number == 1 ? stem : "\(stem)-\(number)"
            if let file = try open("\(folder)/\(name)\(format.suffix)", format) { return file }
            number += 1
        }
    }

    /// nil when the file is damaged.
    private static func open(_ path: String, _ format: RecordingFormat) throws(StreamError) -> RecordingFile? {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw StreamError(.writeFailed, name: path, errno: errno) }
        let file = RecordingFile(descriptor: descriptor, path: path)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw StreamError(.writeFailed, name: path, errno: errno) }
        guard case .wholeUpTo(let end) = try RecordingTail.find(descriptor, format, path: path) else { return nil }
        file.end = end
        guard ftruncate(descriptor, off_t(end)) == 0 else { throw StreamError(.writeFailed, name: path, errno: errno) }
        return file
    }

    private static func makeFolder(_ path: String) throws(StreamError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/\(part)"
            if mkdir(made, 0o755) != 0 && errno != EEXIST { throw StreamError(.writeFailed, name: path, errno: errno) }
        }
    }

    /// Appends a member with one write, so that a kill leaves all of it or, at worst, a torn end.
    ///
    /// When that fails, what was written of it is removed.
    func append(_ member: [UInt8]) throws(StreamError) {
        let start = end
        let failure: Int32 = member.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(start + done))
                if count > 0 { done += count } else if count == 0 || errno != EINTR { return errno }
            }
            return 0
        }
        if failure != 0 {
            _ = ftruncate(descriptor, off_t(start))
            throw StreamError(.writeFailed, name: path, errno: failure)
        }
        end += member.count
    }
}
