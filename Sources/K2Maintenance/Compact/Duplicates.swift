import K2Bytes
import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2Parquet

/// Rows of equal identity within a partition: which stay and which go.
///
/// Of candles the newest revision stays, of other rows the one that was taken in first. Rows that contradict each other all stay: nothing here says
/// which is right.
struct Duplicates {
    /// Rows that stay, by the path of each file that holds rows which go.
    private(set) var masks: [String: RowMask] = [:]
    /// By the same paths: the files that hold the rows which stay in their place.
    private(set) var witnesses: [String: Set<String>] = [:]
    /// Rows that go, by partition.
    private(set) var counts: [(partition: PartitionKey, rows: Int)] = []
    private var partitions: [String: PartitionKey] = [:]
    /// Rows that stay although another one of their identity stays as well, because their contents differ, by partition.
    private(set) var conflicts: [(partition: PartitionKey, rows: Int)] = []
    /// Partitions of which a file cannot be read, and why: nothing of theirs goes.
    private(set) var unsearched: [(partition: PartitionKey, reason: String)] = []

    var files: Set<String> { Set(masks.keys) }
    var rowCount: Int { counts.reduce(0) { $0 + $1.rows } }
    var conflictCount: Int { conflicts.reduce(0) { $0 + $1.rows } }

    /// One row, as it takes part in the search.
    private struct Row {
        var digest: UInt128
        /// Of its contents; found for those alone that share their identity.
        var content: UInt128 = 0
        /// The least of a digest stays.
        var rank: Int64
        var file: UInt32
        var row: UInt32
    }

    /// - Throws: `configuration` for tables whose rows have no identity that is known here.
    static func find(
        _ live: LiveTable, work: TableWork, filter: FileFilter?, store: any ObjectStore, budget: MemoryBudget
    ) throws -> Duplicates {
        guard let definition = MarketTables.all.first(where: { $0.coldName == work.name }) else {
            throw LakeError(.configuration, "\(work.name): --dedupe: what makes two rows one is known of K2's own tables only")
        }
        let identity = try RowIdentityColumns(definition, live.metadata)
        let contents = try RowContents(definition, live.metadata)
        var partitions: [PartitionKey: [DeletedFile]] = [:]
        var order: [PartitionKey] = []
        for file in live.files where filter?.mayMatch(file.data.file) ?? true {
            let key = PartitionKey(file.data.file)
            if partitions[key] == nil { order.append(key) }
            partitions[key, default: []].append(file)
        }
        var found = Duplicates()
        var deletes = DeleteReader(
            store: store, metadata: live.metadata, limits: budget.readerLimits, keyBytes: budget.deleteKeys, mayGoOn: work.mayGoOn)
        for (number, key) in order.enumerated() {
            work.progress("looking for duplicates in partition \(number + 1) of \(order.count)")
            try work.mayGoOn()
            let files = partitions[key] ?? []
            do {
                var part = Duplicates()
                let open = { (file: DataFile) in try TableFile(file, in: store, limits: budget.readerLimits, mayGoOn: work.mayGoOn) }
                try part.search(files, key, identity, contents, masks: try deletes.masks(files), open, live.metadata, budget)
                found.add(part)
            } catch where Compaction.isAboutFiles(error) { found.unsearched.append((key, "\(error)")) }
        }
        return found
    }

    /// Adds what was found in other partitions.
    private mutating func add(_ other: Duplicates) {
        masks.merge(other.masks) { $1 }
        witnesses.merge(other.witnesses) { $1 }
        partitions.merge(other.partitions) { $1 }
        counts += other.counts
        conflicts += other.conflicts
    }

    private mutating func search(
        _ files: [DeletedFile], _ key: PartitionKey, _ identity: RowIdentityColumns, _ contents: RowContents, masks live: [RowMask?],
        _ open: (DataFile) throws -> TableFile, _ metadata: TableMetadata, _ budget: MemoryBudget
    ) throws {
        let total = files.reduce(0) { $0 + Int($1.data.file.recordCount) }
        // What does not fit into memory is looked at in parts, by the first bits of the digest.
        let maxRows = budget.maxSearchedRows
        let parts = UInt64((total + maxRows - 1) / maxRows)
        let before = rowCount(of: files)
        var conflicting = 0
        for part in 0..<max(parts, 1) {
            var rows: [Row] = []
            rows.reserveCapacity(total / Int(max(parts, 1)) + 1024)
            for (number, file) in files.enumerated() {
                try identity.forEachRow(try open(file.data.file), metadata) { row, digest, rank in
                    guard live[number]?.isLive(row) ?? true, UInt64(truncatingIfNeeded: digest >> 96) % max(parts, 1) == part else { return }
                    rows.append(Row(digest: digest, rank: rank, file: UInt32(number), row: UInt32(row)))
                }
            }
            rows.sort { ($0.digest, $0.rank, $0.file, $0.row) < ($1.digest, $1.rank, $1.file, $1.row) }
            let groups = Self.groups(rows, identity)
            try Self.compare(&rows, groups) { number, body in try contents.forEachBlock(try open(files[number].data.file), body) }
            for group in groups { conflicting += take(rows, group, files) }
        }
        let gone = rowCount(of: files) - before
        if gone > 0 { counts.append((key, gone)) }
        if conflicting > 0 { conflicts.append((key, conflicting)) }
    }

    /// Rows of one identity, where there are several.
    private struct Group {
        /// Those of which the contents decide.
        var rivals: Range<Int>
        /// Those that are of an older revision.
        var older: Range<Int>
    }

    private static func groups(_ rows: [Row], _ identity: RowIdentityColumns) -> [Group] {
        var groups: [Group] = []
        var start = 0
        while start < rows.count {
            var end = start + 1
            while end < rows.count, rows[end].digest == rows[start].digest { end += 1 }
            if end - start > 1 {
                let last = identity.hasRevisions ? (start..<end).last { rows[$0].rank == rows[start].rank } ?? start : end - 1
                groups.append(Group(rivals: start..<last + 1, older: last + 1..<end))
            }
            start = end
        }
        return groups
    }

    /// Fills in what rivals say.
    /// - Parameter read: gives digests of the rows of a file.
    private static func compare(
        _ rows: inout [Row], _ groups: [Group], reading read: (_ file: Int, _ body: (RowDigests, Range<Int>) -> Void) throws -> Void
    ) throws {
        var wanted: [UInt32] = []
        for group in groups where group.rivals.count > 1 { wanted += group.rivals.lazy.map { UInt32($0) } }
        wanted.sort { (rows[Int($0)].file, rows[Int($0)].row) < (rows[Int($1)].file, rows[Int($1)].row) }
        var next = 0
        while next < wanted.count {
            let file = rows[Int(wanted[next])].file
            try read(Int(file)) { digests, range in
                while next < wanted.count, rows[Int(wanted[next])].file == file, range.contains(Int(rows[Int(wanted[next])].row)) {
                    rows[Int(wanted[next])].content = digests.digest(of: Int(rows[Int(wanted[next])].row) - range.lowerBound)
                    next += 1
                }
            }
        }
    }

    /// Decides about rows of one identity. Returns how many stay, where it is more than one.
    private mutating func take(_ rows: [Row], _ group: Group, _ files: [DeletedFile]) -> Int {
        var kept: [UInt128: Row] = [:]
        for row in rows[group.rivals] {
            if let same = kept[row.content] { remove(row, insteadOf: same, files) } else { kept[row.content] = row }
        }
        for row in rows[group.older] { remove(row, insteadOf: rows[group.rivals.lowerBound], files) }
        return kept.count > 1 ? kept.count : 0
    }

    private mutating func remove(_ row: Row, insteadOf other: Row, _ files: [DeletedFile]) {
        let file = files[Int(row.file)].data.file
        masks[file.path, default: RowMask(count: Int(file.recordCount))].remove(Int(row.row))
        partitions[file.path] = PartitionKey(file)
        witnesses[file.path, default: []].insert(files[Int(other.file)].data.file.path)
    }

    private func rowCount(of files: [DeletedFile]) -> Int {
        files.reduce(0) { sum, file in sum + (masks[file.data.file.path].map { $0.count - $0.liveCount } ?? 0) }
    }

    /// Rows that went with those files, by partition.
    func removed(from paths: Set<String>) -> [(partition: PartitionKey, rows: Int)] {
        var sums: [PartitionKey: Int] = [:]
        for path in paths { if let mask = masks[path], let partition = partitions[path] { sums[partition, default: 0] += mask.count - mask.liveCount } }
        return counts.compactMap { count in sums[count.partition].map { (count.partition, $0) } }
    }

    func lines(_ table: String, _ metadata: TableMetadata) -> [ShownLine] {
        func line(_ action: String, _ partition: PartitionKey, _ rows: Int, _ text: String) -> ShownLine {
            let name = CompactionReport.name(partition, metadata)
            return ShownLine(
                "\(table): \(name): \(text)", json: JSONObject(pairs: [("action", .string(action)), ("partition", .string(name)), ("rows", .integer(rows))]))
        }
        return counts.map { line("dedupe", $0, $1, "\(Amount.of($1, "duplicate row")) would go") }
            + conflicts.map { line("keep", $0, $1, "\(Amount.of($1, "conflicting row")) would stay: of one identity with others, and different") }
    }
}

/// The columns of a table that make two rows one.
struct RowIdentityColumns {
    /// Those of the identity, and behind them the one that says which row stays.
    private let leaves: [TableLeaf]
    private let rank: Rank?

    /// What decides between rows of equal identity. A file's age does not: it is lost when the file is compacted.
    private enum Rank: String, CaseIterable {
        case revision
        case ingestion = "ingestion_timestamp"
    }

    /// Whether the rank is a revision: a later one takes the place of those before it, whatever they say.
    var hasRevisions: Bool { rank == .revision }

    init(_ definition: TableDefinition, _ metadata: TableMetadata) throws(UnfitColumn) {
        let all = metadata.currentSchema.leaves
        func leaf(_ name: String) throws(UnfitColumn) -> TableLeaf {
            guard let place = try all.place(of: name, "--dedupe") else { throw UnfitColumn(flag: "--dedupe", column: name, reason: "not in the table") }
            return all[place]
        }
        var leaves: [TableLeaf] = []
        for name in definition.identity { leaves.append(try leaf(name)) }
        rank = Rank.allCases.first { rank in definition.columns.contains { $0.name == rank.rawValue } }
        if let rank { leaves.append(try leaf(rank.rawValue)) }
        self.leaves = leaves
    }

    private func rank(_ row: Int, _ columns: [KeyColumn]) -> Int64 {
        switch rank {
        case .revision: -(columns[columns.count - 1].integer(row) ?? 0)
        case .ingestion: columns[columns.count - 1].integer(row) ?? .max
        case nil: 0
        }
    }

    /// Calls `body` with each row's number, the digest of its identity, and its rank among rows of that identity: the least stays.
    func forEachRow(_ file: TableFile, _ metadata: TableMetadata, _ body: (Int, UInt128, Int64) -> Void) throws {
        let reader = try KeyReader(file, leaves, metadata)
        var key = ByteWriter(capacity: 256)
        try reader.forEachBlock { columns, rows in
            for row in 0..<rows.count {
                key.removeAll()
                for column in columns.dropLast(rank == nil ? 0 : 1) { column.append(row, to: &key) }
                body(rows.lowerBound + row, Digest.hash128(key.bytes), rank(row, columns))
            }
        }
    }
}
