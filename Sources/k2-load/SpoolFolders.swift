import Glibc
import K2CLI
import K2ClickHouse
import K2NDJSON
import K2Spool

/// The folder of a load's spool: the one that is asked for, else the first that no other load uses.
///
/// A default folder with batches belongs to the ClickHouse that they are meant for, which a file in it names. Who names a
/// folder knows where its batches are to go: an address may change.
enum SpoolFolders {
    private static let maxDefaults = 64
    private static let targetName = "target"
    /// The limit is kept by `LoadQueue`, which drops nothing.
    private static let room = 1 << 50

    static func open(_ asked: String?, for address: ClickHouseAddress, _ diagnostics: Diagnostics) throws(ToolFailure) -> (queue: SegmentQueue, folder: String) {
        let target = address.hosts.sorted().joined(separator: ",") + "/" + address.database
        if let asked {
            if let parent = StatePaths.parent(of: asked) { try StatePaths.create(parent) }
            return (try open(asked), asked)
        }
        let base = StatePaths.folder("load")
        try StatePaths.create(base)
        for number in 0..<maxDefaults {
            let folder = "\(base)/\(number)"
            do throws(ToolFailure) {
                guard let queue = try open(folder, target) else {
                    diagnostics.report("\(folder): batches of an earlier run wait here for another ClickHouse")
                    continue
                }
                tellLeftovers(base, from: number + 1, diagnostics)
                return (queue, folder)
            } catch {
                if error.status != .temporary { throw error }
            }
        }
        throw ToolFailure(.temporary, "\(base): \(maxDefaults) loads have their spools here", hint: "--spool DIR")
    }

    /// nil when the folder has batches for another target.
    private static func open(_ folder: String, _ target: String) throws(ToolFailure) -> SegmentQueue? {
        let queue = try open(folder)
        let path = "\(folder)/\(targetName)"
        let known = try InputFile.readIfPresent(path, what: "spool's target", limit: 1 << 16).map { String(decoding: $0, as: UTF8.self) }
        if known == target { return queue }
        if known != nil, !queue.isEmpty {
            try? queue.close()
            return nil
        }
        try write(target, to: path)
        return queue
    }

    private static func open(_ folder: String) throws(ToolFailure) -> SegmentQueue {
        do throws(SpoolError) { return try SegmentQueue.open(folder: folder, limit: room) } catch {
            throw ToolFailure(error.code == .locked ? .temporary : .failed, "\(error)")
        }
    }

    private static func write(_ target: String, to path: String) throws(ToolFailure) {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ToolFailure(.failed, "\(path): cannot write: \(StreamError.reason(errno))") }
        defer { close(descriptor) }
        let bytes = Array(target.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw ToolFailure(.failed, "\(path): cannot write: \(StreamError.reason(errno))")
        }
    }

    /// Of several loads at once only some may have been started again.
    private static func tellLeftovers(_ base: String, from first: Int, _ diagnostics: Diagnostics) {
        for number in first..<maxDefaults {
            let folder = "\(base)/\(number)"
            guard access(folder, F_OK) == 0, let queue = try? SegmentQueue.open(folder: folder, limit: room) else { continue }
            if queue.tornBytes > 0 { diagnostics.report("\(folder): \(queue.tornBytes) bytes at its end are damaged, a batch that was cut off, and were left out") }
            if !queue.isEmpty {
                diagnostics.report("\(folder): \(queue.depth.frames) batches of an earlier run wait here")
                diagnostics.hint("k2-load --spool \(folder) < /dev/null")
            }
            try? queue.close()
        }
    }
}
