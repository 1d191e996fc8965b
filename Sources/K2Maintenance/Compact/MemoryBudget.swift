import K2Parquet

/// What `--max-memory` allows each part of a compaction.
///
/// A group is worked on column by column. What stays for all of it is some bytes a row (the order, the digests); beside that there is one decoded
/// column and one row group of it in the making.
struct MemoryBudget: Equatable {
    /// Of the program itself, its libraries, and the buffers of readers and writers.
    static let base = 64 << 20
    /// Of a row while the order is made: a column to sort by, its numbers, and those of the columns before it.
    static let bytesPerSortedRow = 32
    /// Of a row afterwards: its number, and the state of its digest.
    static let bytesPerRow = 20
    /// Of a row of the row group in the making: its place and levels, its value, and the dictionary over it.
    static let bytesPerGroupRow = 60
    /// Rows of a row group at most; K2's own writers make groups of as many.
    static let maxGroupRows = 1_000_000
    /// Of what a footer says about one column of one row group.
    static let bytesPerChunk = 640

    /// What is left for the work.
    let work: Int

    init(_ maxMemory: Int) { self.init(work: max(maxMemory - Self.base, 8 << 20) * 7 / 8) }

    init(work: Int) { self.work = work }

    /// Rows that are put into order at once.
    var maxRows: Int { work / 2 / Self.bytesPerSortedRow }
    /// Rows of a row group.
    var maxGroupRows: Int { min(Self.maxGroupRows, work / 6 / Self.bytesPerGroupRow) }
    /// Column chunks of all files that are open at once.
    var maxChunks: Int { work / 8 / Self.bytesPerChunk }

    /// Rows that are searched for duplicates at once: two digests, a rank and a place each, and the groups that they make.
    var maxSearchedRows: Int { max(work / 2 / 80, 1) }

    /// What a column that is sorted by may take.
    var keyLimit: Int { work / 2 }

    /// How the memory of one slice is shared out.
    struct Slice: Equatable {
        /// Whether encoded chunks go to a file.
        var spills: Bool
        /// What one decoded column may take.
        var column: Int
    }

    /// - Parameters:
    ///   - encoded: bytes that will come out, about.
    ///   - column: bytes of the largest column, about.
    func slice(rows: Int, groupRows: Int, encoded: Int, column: Int) -> Slice {
        let left = max(work - rows * Self.bytesPerRow - groupRows * Self.bytesPerGroupRow, work / 4)
        let kept = encoded + encoded / 4
        if kept + column <= left { return Slice(spills: false, column: left - kept) }
        return Slice(spills: true, column: left)
    }

    /// Longest page, and longest dictionary, that is read. Writers make pages of a megabyte and, rarely, of several.
    var maxPage: Int { max(work / 8, 8 << 20) }

    /// What files may ask for.
    var readerLimits: ReaderLimits {
        var limits = ReaderLimits()
        limits.pageBytes = maxPage
        limits.chunkBytes = max(work, 1 << 20)
        limits.footerBytes = maxPage
        return limits
    }

    /// What the keys of equality deletes may take: they are read before anything else of a group is.
    var deleteKeys: Int { work / 2 }
}
