/// Keeps encoded column chunks until their file is put together: in memory, or in a temporary file.
final class ChunkSpill {
    /// Where a chunk is.
    enum Place {
        case memory([UInt8])
        case file(Range<Int>)
    }

    private let folder: String?
    private var file: TemporaryFile?

    /// - Parameter folder: nil keeps everything in memory.
    init(folder: String?) { self.folder = folder }

    func put(_ bytes: [UInt8]) throws -> Place {
        guard let folder else { return .memory(bytes) }
        let file = try self.file ?? TemporaryFile(in: folder)
        self.file = file
        return .file(try file.append(bytes))
    }

    func get(_ place: Place) throws -> [UInt8] {
        switch place {
        case .memory(let bytes): return bytes
        case .file(let range): return try file?.read(range) ?? []
        }
    }
}
