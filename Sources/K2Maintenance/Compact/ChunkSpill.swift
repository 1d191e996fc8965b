/// Keeps encoded column chunks until their files are put together: in memory as far as that is allowed, beyond it in a temporary file.
final class ChunkSpill {
    /// Where the bytes of a chunk are.
    struct Place {
        fileprivate enum Part {
            case memory([UInt8])
            case file(Range<Int>)
        }

        fileprivate var parts: [Part] = []
    }

    /// How much was there at some time.
    struct Mark {
        fileprivate var inMemory: Int
        fileprivate var inFile: Int
    }

    /// Bytes that may be kept in memory.
    var memory = 0
    private let folder: String
    private var inMemory = 0
    private var file: TemporaryFile?

    /// Bytes of a part at most, but for those that come in one piece.
    private static let step = 1 << 20

    init(folder: String) { self.folder = folder }

    var mark: Mark { Mark(inMemory: inMemory, inFile: file?.count ?? 0) }

    /// Forgets what was put since.
    func goBack(to mark: Mark) {
        inMemory = mark.inMemory
        file?.truncate(to: mark.inFile)
    }

    /// Adds bytes to a chunk.
    func put(_ bytes: Span<UInt8>, to place: inout Place) throws {
        if bytes.isEmpty { return }
        if inMemory + bytes.count <= memory {
            inMemory += bytes.count
            return place.parts.append(.memory(bytes.withUnsafeBufferPointer { Array($0) }))
        }
        let file = try self.file ?? TemporaryFile(in: folder)
        self.file = file
        let range = try file.append(bytes)
        if case .file(let last) = place.parts.last, last.upperBound == range.lowerBound, last.count + range.count <= Self.step {
            place.parts[place.parts.count - 1] = .file(last.lowerBound..<range.upperBound)
        } else {
            place.parts.append(.file(range))
        }
    }

    /// The bytes of a chunk, part after part; nil behind the last one.
    func part(_ number: Int, of place: Place) throws -> [UInt8]? {
        guard number < place.parts.count else { return nil }
        switch place.parts[number] {
        case .memory(let bytes): return bytes
        case .file(let range): return try file?.read(range)
        }
    }
}
