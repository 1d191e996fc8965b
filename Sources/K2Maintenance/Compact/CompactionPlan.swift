import K2Iceberg
import K2Lake

/// Files of one partition that are laid together.
struct CompactionGroup: Sendable {
    var partition: PartitionKey
    /// Oldest first.
    var inputs: [DeletedFile]
    /// It is taken for what its files hold, not for their number: rows that are to go, or a file that is to be cut.
    var isForContent = false

    var rows: Int64 { inputs.reduce(0) { $0 + $1.data.file.recordCount } }
    var bytes: Int64 { inputs.reduce(0) { $0 + $1.data.file.fileSize } }
    var hasDeletes: Bool { inputs.contains { !$0.deletes.isEmpty } }
    var deleteFiles: Set<String> { Set(inputs.flatMap { $0.deletes.map(\.file.path) }) }
}

/// Which files of a table are laid together. A pure decision.
struct CompactionPlan {
    private(set) var groups: [CompactionGroup] = []
    /// Files that cannot be taken, and why, a line for each reason.
    private(set) var leftOut: [String] = []

    /// Sizes outside which a file is a candidate, in percent of the target: those of Iceberg's own rewriting.
    private static let (smallest, largest) = (75, 180)

    /// Bounds of what is worked on at once.
    struct Limits {
        var rows: Int
        var bytes: Int64
        var files: Int
    }

    private let options: CompactOptions
    private let limits: Limits

    /// - Parameters:
    ///   - files: all live data files, oldest first.
    ///   - extra: paths of files that are taken whatever their size, such as those with duplicates.
    init(
        _ files: [DeletedFile], _ metadata: TableMetadata, _ options: CompactOptions, _ limits: Limits, filter: FileFilter? = nil,
        extra: Set<String> = []
    ) {
        self.options = options
        self.limits = limits
        let doubled = Self.doubled(files)
        var left = LeftOutFiles()
        for path in doubled.sorted() { left.add(path, "it is in the table more than once") }
        var partitions: [PartitionKey: [DeletedFile]] = [:]
        var order: [PartitionKey] = []
        for file in files where isCandidate(file) || extra.contains(file.data.file.path) {
            if let filter, !filter.mayMatch(file.data.file) { continue }
            if doubled.contains(file.data.file.path) { continue }
            if let reason = Self.obstacle(file, metadata) {
                left.add(file.data.file.path, reason)
                continue
            }
            let key = PartitionKey(file.data.file)
            if partitions[key] == nil { order.append(key) }
            partitions[key, default: []].append(file)
        }
        leftOut = left.lines
        for key in order {
            let candidates = partitions[key] ?? []
            for inputs in packed(candidates) {
                var group = CompactionGroup(partition: key, inputs: inputs)
                group.isForContent = group.hasDeletes || inputs.contains { extra.contains($0.data.file.path) || isLarge($0.data.file) }
                if !group.isForContent, !isWorthwhile(group, of: candidates.count) {
                    // Files without rows need nobody to be laid together with.
                    group = CompactionGroup(partition: key, inputs: inputs.filter { $0.data.file.recordCount == 0 }, isForContent: true)
                }
                if !group.inputs.isEmpty { groups.append(group) }
            }
        }
    }

    private var target: Int64 { Int64(options.targetSize) }

    private func isCandidate(_ file: DeletedFile) -> Bool { !file.deletes.isEmpty || isSmall(file.data.file) || isLarge(file.data.file) }

    private func isSmall(_ file: DataFile) -> Bool { file.fileSize < target * Int64(Self.smallest) / 100 }

    /// By the bytes of its columns: a long footer gets no shorter when the file is cut. Files of few large rows cannot be cut well.
    private func isLarge(_ file: DataFile) -> Bool {
        let payload = file.columnSizes.isEmpty ? file.fileSize : min(file.columnSizes.values.reduce(0, Count.adding), file.fileSize)
        return payload > target * Int64(Self.largest) / 100 && payload / max(file.recordCount, 1) <= target / 8
    }

    /// Paths of which there is more than one live entry: their rows count as often, and a commit takes away one entry only. Those that only look the same
    /// are among them.
    private static func doubled(_ files: [DeletedFile]) -> Set<String> {
        var (seen, doubled): (Set<String>, Set<String>) = ([], [])
        for file in files where !seen.insert(file.data.file.path).inserted { doubled.insert(file.data.file.path) }
        return doubled
    }

    private static func obstacle(_ file: DeletedFile, _ metadata: TableMetadata) -> String? {
        guard file.data.file.format == "PARQUET" else { return "a file in \(file.data.file.format): only Parquet is read" }
        if let delete = file.deletes.first(where: { $0.file.format != "PARQUET" }) {
            return "its delete file \(delete.file.path) is in \(delete.file.format): only Parquet is read"
        }
        guard let spec = metadata.spec(id: file.data.file.specID) else { return "partition spec \(file.data.file.specID) is not in the table" }
        for (field, type) in zip(spec.fields, spec.resultTypes(metadata.currentSchema)) where type == nil {
            return "partition spec \(spec.specID): field \"\(field.name)\" (\(field.transform)) cannot be written"
        }
        return nil
    }

    /// Cuts the files of a partition, in their order, into groups within the limits.
    private func packed(_ files: [DeletedFile]) -> [[DeletedFile]] {
        var groups: [[DeletedFile]] = []
        var (rows, bytes): (Int, Int64) = (0, 0)
        for file in files {
            let (moreRows, moreBytes) = (Int(file.data.file.recordCount), file.data.file.fileSize)
            let fits = rows + moreRows <= limits.rows && bytes + moreBytes <= limits.bytes && groups.last.map { $0.count < limits.files } ?? false
            if fits {
                groups[groups.count - 1].append(file)
                (rows, bytes) = (rows + moreRows, bytes + moreBytes)
            } else {
                groups.append([file])
                (rows, bytes) = (moreRows, moreBytes)
            }
        }
        return groups
    }

    /// Whether enough small files become fewer. Limits may have cut the group from others of its partition.
    private func isWorthwhile(_ group: CompactionGroup, of candidates: Int) -> Bool {
        group.inputs.count >= 2 && (candidates >= options.minInputFiles || group.bytes > target)
    }

    // MARK: Commits

    /// The groups of each commit, at most so many of them, in order.
    func commits(atMost count: Int) -> [[CompactionGroup]] {
        if groups.isEmpty { return [] }
        let size = (groups.count + max(count, 1) - 1) / max(count, 1)
        return stride(from: 0, to: groups.count, by: size).map { Array(groups[$0..<min($0 + size, groups.count)]) }
    }
}

/// Files that are left out, by reason: of thousands in a format that is not read one line is enough.
private struct LeftOutFiles {
    private var reasons: [String] = []
    private var files: [String: (first: String, count: Int)] = [:]

    mutating func add(_ path: String, _ reason: String) {
        if files[reason] == nil { reasons.append(reason) }
        files[reason, default: (path, 0)].count += 1
    }

    var lines: [String] {
        reasons.compactMap { reason in
            files[reason].map { "\($0.first)\($0.count > 1 ? " and \(Amount.of($0.count - 1, "more file"))" : ""): left out: \(reason)" }
        }
    }
}

/// How many files come out of row groups of known sizes, and which.
enum OutputFiles {
    /// Ranges of row groups, one a file, of about `target` bytes each, such that no file is a candidate for the next run where that can be had.
    static func cut(_ sizes: [Int64], target: Int64) -> [Range<Int>] {
        if sizes.isEmpty { return [] }
        let total = sizes.reduce(0, +)
        let wanted = max(Int((Double(total) / Double(target)).rounded()), 1)
        for count in [wanted, wanted - 1, wanted + 1] where count >= 1 && count <= sizes.count {
            let cut = even(sizes, total, count)
            if cut.allSatisfy({ isFine(sizes[$0].reduce(0, +), target) }) { return cut }
        }
        return greedy(sizes, target)
    }

    private static func isFine(_ size: Int64, _ target: Int64) -> Bool { size * 4 >= target * 3 && size * 5 <= target * 9 }

    /// Cuts at those row groups that come nearest to equal parts.
    private static func even(_ sizes: [Int64], _ total: Int64, _ count: Int) -> [Range<Int>] {
        var cuts = [0]
        var sum: Int64 = 0
        for (place, size) in sizes.enumerated() {
            let goal = total / Int64(count) * Int64(cuts.count)
            // Cut before this group when that is nearer to the goal than behind it.
            if cuts.count < count, place > cuts[cuts.count - 1], abs(sum - goal) <= abs(sum + size - goal) { cuts.append(place) }
            sum += size
        }
        cuts.append(sizes.count)
        return zip(cuts, cuts.dropFirst()).map { $0..<$1 }
    }

    /// Fills files one by one; what is left at the end and too small goes to the file before.
    private static func greedy(_ sizes: [Int64], _ target: Int64) -> [Range<Int>] {
        var files: [Range<Int>] = []
        var (start, sum): (Int, Int64) = (0, 0)
        for (place, size) in sizes.enumerated() {
            sum += size
            if sum * 4 >= target * 3 {
                files.append(start..<place + 1)
                (start, sum) = (place + 1, 0)
            }
        }
        if start < sizes.count {
            if let last = files.popLast() { files.append(last.lowerBound..<sizes.count) } else { files.append(start..<sizes.count) }
        }
        return files
    }
}
