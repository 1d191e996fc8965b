import K2Bytes

/// Finds the pages of one column chunk, whose bytes are fetched a part at a time.
struct ChunkPages {
    typealias Page = (header: PageHeader, body: Range<Int>)

    /// Gives exactly the bytes of the range of the file, or throws.
    private let fetch: ParquetReader.ByteSource
    /// Where the chunk lies in the file.
    private let range: Range<Int>
    /// Bytes to fetch at once; more when a page is longer.
    private let step: Int
    /// Some bytes of the chunk.
    private(set) var window: [UInt8] = []
    private var windowStart = 0
    /// Where in the chunk the next page begins.
    private var offset = 0
    /// Number of the page that `next` gave last, from 0, and where in the chunk it begins.
    private(set) var number = -1
    private(set) var start = 0

    /// Headers hold bounds of values, which may be long, but not endless.
    private static let firstHeader = 1 << 10
    private static let longestHeader = 1 << 24

    init(_ range: Range<Int>, step: Int, fetch: @escaping ParquetReader.ByteSource) {
        self.range = range
        self.step = max(step, 1 << 12)
        self.fetch = fetch
    }

    /// The next page's header, and where in `window` its body lies; nil at the end of the chunk.
    /// - Parameters:
    ///   - admit: asked before the body is fetched.
    ///   - held: bytes that are in memory for the chunk already.
    mutating func next(admit: PageAdmission? = nil, held: Int = 0) throws -> Page? {
        guard offset < range.count else { return nil }
        number += 1
        start = offset
        let (header, length) = try readHeader()
        let size = Int(header.compressedSize)
        guard size <= range.count - offset - length else {
            throw ParquetError(.malformed, "", "page of \(size) bytes where \(range.count - offset - length) are left")
        }
        if let admit { try admit(held + header.memoryBytes) }
        try load(length + size)
        let body = offset - windowStart + length
        offset += length + size
        return (header, body..<body + size)
    }

    private mutating func readHeader() throws -> (PageHeader, length: Int) {
        var wanted = min(Self.firstHeader, range.count - offset)
        while true {
            try load(wanted)
            var reader = ThriftReader(window.span.extracting((offset - windowStart)...), place: "page header")
            do throws(ParquetError) {
                let header = try PageHeader(from: &reader)
                return (header, reader.cursor.offset)
            } catch {
                let there = windowStart + window.count - offset
                guard there < range.count - offset, there < Self.longestHeader else { throw error }
                wanted = min(there * 4, range.count - offset)
            }
        }
    }

    /// Makes the window hold `count` bytes from `offset` on, which lie in the chunk.
    private mutating func load(_ count: Int) throws {
        let end = windowStart + window.count
        if offset + count <= end { return }
        let from = max(offset, end)
        let to = min(max(offset + count, from > range.count - step ? range.count : from + step), range.count)
        let more = try fetch(range.lowerBound + from..<range.lowerBound + to)
        if offset >= end {
            window = more
        } else {
            window.removeSubrange(..<(offset - windowStart))
            window += more
        }
        windowStart = offset
    }
}
