import Glibc
import K2CLI
import K2Spool

/// The folder of a load's spool: the one that is asked for, else the first that no other load uses.
enum SpoolFolders {
    private static let maxDefaults = 64

    static func open(_ asked: String?, limit: Int, _ diagnostics: Diagnostics) throws(ToolFailure) -> SegmentQueue {
        if let asked {
            if let parent = StatePaths.parent(of: asked) { try StatePaths.create(parent) }
            return try open(asked, limit)
        }
        let base = StatePaths.folder("load")
        try StatePaths.create(base)
        for number in 0..<maxDefaults {
            do throws(ToolFailure) {
                let queue = try open("\(base)/\(number)", limit)
                tellLeftovers(base, from: number + 1, limit, diagnostics)
                return queue
            } catch {
                if error.status != .temporary { throw error }
            }
        }
        throw ToolFailure(.temporary, "\(base): \(maxDefaults) loads have their spools here", hint: "--spool DIR")
    }

    private static func open(_ folder: String, _ limit: Int) throws(ToolFailure) -> SegmentQueue {
        do throws(SpoolError) { return try SegmentQueue.open(folder: folder, limit: limit) } catch {
            throw ToolFailure(error.code == .locked ? .temporary : .failed, "\(error)")
        }
    }

    /// Of several loads at once only some may have been started again.
    private static func tellLeftovers(_ base: String, from first: Int, _ limit: Int, _ diagnostics: Diagnostics) {
        for number in first..<maxDefaults {
            let folder = "\(base)/\(number)"
            guard access(folder, F_OK) == 0, let queue = try? open(folder, limit) else { continue }
            if !queue.isEmpty {
                diagnostics.report("\(folder): \(queue.depth.frames) batches of an earlier run wait here")
                diagnostics.hint("k2-load --spool \(folder) < /dev/null")
            }
            try? queue.close()
        }
    }
}
