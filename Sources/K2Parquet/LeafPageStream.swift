import K2Bytes
import K2Compression

/// Told before a page is fetched how many bytes reading it takes in memory, about; what it throws ends the reading.
public typealias PageAdmission = (_ bytes: Int) throws -> Void

extension PageHeader {
    /// While the page is decoded: its bytes as they come, in a window that grows, as they are decompressed, and the values with their levels.
    /// The entries of a dictionary are converted once more.
    var memoryBytes: Int {
        let (compressed, uncompressed) = (Int(compressedSize), Int(uncompressedSize))
        switch kind {
        case .index: return compressed * 2
        case .dictionary(let count, _): return compressed * 2 + uncompressed * 3 + Int(count) * 8
        case .data(let count, _, _, _): return compressed * 2 + uncompressed * 2 + Int(count) * 8
        case .dataV2(let page): return compressed * 2 + uncompressed * 2 + Int(page.valueCount) * 8
        }
    }
}

/// Reads one leaf of one row group a few pages at a time, so that memory is bounded by the pages and not by the row group.
///
/// Pieces hold whole rows, also where a page ends within one.
///
/// ```swift
/// var pages = try reader.pages(leaf, rowGroup: 0, dictionaries: .kept)
/// while let piece = try pages.next() { … }                 // a page's worth of rows
/// let rows = try pages.next(rows: 10_000)                  // or exactly so many, fewer at the end
/// ```
public struct LeafPageStream: ~Copyable {
    public let leaf: Leaf
    /// Rows that were handed out so far.
    public private(set) var rowCount = 0
    /// Rows of the row group by the footer.
    public let totalRowCount: Int

    private let rowGroup: Int
    private var pages: ChunkPages
    private var decoder: PageDecoder
    /// Rows that were decoded and not handed out; the last one may not be complete.
    private var column: LeafColumn
    private var isAtEnd = false
    private let admit: PageAdmission?
    /// What `next(rows:)` has not handed out of the last piece, and how far it has come there.
    private var piece: (column: LeafColumn, end: LeafColumn.Position)?
    private var taken = LeafColumn.Position()

    init(_ leaf: Leaf, rowGroup: Int, rows: Int, _ pages: ChunkPages, _ decoder: consuming PageDecoder, admit: PageAdmission? = nil) {
        self.admit = admit
        self.leaf = leaf
        self.rowGroup = rowGroup
        self.pages = pages
        self.decoder = decoder
        totalRowCount = rows
        column = LeafColumn(leaf: leaf)
    }

    /// All that is left, in one piece.
    mutating func rest() throws -> LeafColumn {
        column.reserve(decoder.entriesLeft)
        while !isAtEnd { try readPage() }
        let all = column
        column = LeafColumn(leaf: leaf)
        return try handOut(all)
    }

    /// The rows that end in the next page or pages; nil after the last.
    ///
    /// With `DictionaryReading.kept` a piece holds either codes or values: chunks may begin with the one and go on with the other.
    public mutating func next() throws -> LeafColumn? {
        if let (column, end) = piece {
            piece = nil
            if taken < end { return try handOut(column[taken..<end]) }
        }
        let next = try nextPiece()
        let part = try handOut(next ?? LeafColumn(leaf: leaf))
        return next == nil ? nil : part
    }

    /// Exactly `count` rows, or as many as are left.
    ///
    /// With `DictionaryReading.kept` they come as codes when all of them are codes.
    public mutating func next(rows count: Int) throws -> LeafColumn {
        var rows = LeafColumn(leaf: leaf)
        var missing = count
        while missing > 0 {
            if piece == nil {
                piece = try nextPiece().map { ($0, $0.end) }
                taken = .init()
            }
            guard let (part, end) = piece else { break }
            let stop = part.position(after: missing, from: taken)
            missing -= stop.rows - taken.rows
            if rows.entryCount == 0, taken == .init(), stop == end {
                rows = part
            } else {
                try rows.append(part[taken..<stop])
            }
            taken = stop
            if stop == end { piece = nil }
        }
        return try handOut(rows)
    }

    private mutating func handOut(_ part: LeafColumn) throws(ParquetError) -> LeafColumn {
        rowCount += part.rowCount
        let isDone = isAtEnd && piece == nil && column.entryCount == 0
        guard rowCount <= totalRowCount, !isDone || rowCount == totalRowCount else {
            throw ParquetError(.malformed, "row group \(rowGroup): \(leaf.name)", "found \(rowCount) rows, expected \(totalRowCount)")
        }
        return part
    }

    private mutating func nextPiece() throws -> LeafColumn? {
        while true {
            if isAtEnd {
                let last = column
                column = LeafColumn(leaf: leaf)
                return last.entryCount > 0 ? last : nil
            }
            try readPage()
            // The last row of a page may go on in the next one.
            let end = isAtEnd ? column.end : column.lastRow
            if end.entries == 0 { continue }
            let whole = end == column.end ? column : column[.init()..<end]
            column = end == column.end ? LeafColumn(leaf: leaf) : column[end..<column.end]
            return whole
        }
    }

    private mutating func readPage() throws {
        guard decoder.entriesLeft > 0 else { return isAtEnd = true }
        do {
            guard let page = try pages.next(admit: admit, held: decoder.dictionaryBytes) else {
                throw ParquetError(.malformed, "row group \(rowGroup): \(leaf.name)", "pages end \(decoder.entriesLeft) values too early")
            }
            let window = pages.window
            try window.withUnsafeBytes { bytes in
                try decoder.read(page.header, UnsafeRawBufferPointer(rebasing: bytes[page.body]), into: &column)
            }
            isAtEnd = decoder.entriesLeft == 0
            if let first = column.repetitionLevels.first, first != 0 {
                throw ParquetError(.malformed, "", "the first value continues a row")
            }
        } catch let error as ParquetError where error.place.hasPrefix("row group") {
            throw error
        } catch {
            throw ParquetError.located(error, "row group \(rowGroup): \(leaf.name): page \(pages.number) at byte \(pages.start)")
        }
    }
}
