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
    /// What rows may take from which is taken where a slice is cut, and those that are compared with them at once.
    var sampleLimit: Int { work / 4 }

    /// How the memory of one slice is shared out.
    struct Slice: Equatable {
        /// Encoded chunks that are kept; what is beyond goes to a file.
        var kept: Int
        /// What one decoded column may take.
        var column: Int
    }

    /// - Parameters:
    ///   - encoded: bytes that will come out, about; nil when other slices' are kept beside them, which needs a file.
    ///   - column: bytes of the largest column, about.
    ///   - chunks: column chunks of the files that are open.
    ///   - masks: bytes that say which rows of the files are left.
    func slice(rows: Int, groupRows: Int, encoded: Int?, column: Int, chunks: Int = 0, masks: Int = 0) -> Slice {
        let left = max(work - rows * Self.bytesPerRow - groupRows * Self.bytesPerGroupRow - chunks * Self.bytesPerChunk - masks, work / 4)
        guard let encoded, encoded + encoded / 4 + column <= left else { return Slice(kept: 0, column: left) }
        let kept = encoded + encoded / 4
        return Slice(kept: kept, column: left - kept)
    }

    /// Longest page, and longest dictionary, that is read where several are in memory at once.
    var maxPage: Int { max(work / 8, 8 << 20) }

    /// What data files may ask for whose pages are admitted one by one: writers make pages of a megabyte, and some of whatever thousands of rows hold.
    var dataLimits: ReaderLimits {
        var limits = readerLimits
        limits.pageBytes = max(work, 8 << 20)
        return limits
    }

    /// What delete files may ask for, and the columns that are searched for duplicates.
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
