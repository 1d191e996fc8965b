import Dispatch
import K2ClickHouse
import K2Domain
import K2Iceberg
import K2Lake
import Synchronization

/// Compares rows of the warm store with the lake's: the sums of hours first, and where these differ row by row.
struct RowComparison {
    let reader: AuditReader
    let cold: ColdTable
    let scan: ColdScan
    let options: AuditOptions
    let keeping: WarmKeeping
    /// The warm rows of a range of time.
    let source: (Range<Timestamp>) -> AuditSource
    /// Of the warm store, to be compared.
    let range: Range<Timestamp>
    /// A later row of an identity replaces the one in the lake.
    let isRevised: Bool

    /// Compares the sums.
    /// - Parameters:
    ///   - checks: whether the files are held against their manifests.
    ///   - problems: gets what is wrong with files, also when the warm store then fails.
    /// - Returns: what was found, with the hours that differ.
    func sums(checks: Bool, _ problems: inout [AuditedFileProblem]) throws -> (findings: RowFindings, differing: [HourComparison], clock: Timestamp) {
        let (warm, cold) = bothSums(checks)
        let sums = try cold.get()
        problems += sums.problems
        if checks { problems += self.cold.problems }
        let hours = HourComparison.all(try warm.get(), sums.hours)
        let clock = try reader.clock()
        let cutoff = keeping.cutoff(at: clock)
        var findings = RowFindings(), differing: [HourComparison] = []
        for hour in hours {
            findings.warmRows += hour.warmRows
            findings.coldRows += hour.coldRows
            if let equal = hour.equal {
                findings.note(hour, warm: equal, pending: hour.warmRows - equal.rows)
            } else if hour.warmRows == 0, AuditHour.start(hour.hour + 1) <= cutoff {
                findings.note(expired: hour)
            } else {
                differing.append(hour)
                findings.note(differing: hour)
            }
        }
        return (findings, differing, clock)
    }

    /// Compares the rows of the hours that differ, one by one.
    /// - Parameters:
    ///   - broken: paths of files that cannot be read.
    ///   - clock: ClickHouse's, after its sums were made.
    ///   - found: called for each row that the sides do not agree about, with the lake's file.
    /// - Returns: which other files cannot be read, where rows were looked for that are missing.
    func rows(
        _ differing: [HourComparison], without broken: Set<String>, clock: Timestamp, _ found: (Discrepancy, DeletedFile?) throws -> Void
    ) throws -> [AuditedFileProblem] {
        var missing = MissingRows(self, without: broken), problems: [AuditedFileProblem] = []
        for chunk in HourChunk.chunks(differing, limit: options.rowsAtOnce) {
            for part in 0..<chunk.parts {
                try rows(of: chunk, part, without: broken, clock: clock) { row, file in if !missing.take(row) { try found(row, file) } }
                if missing.isFull { problems += try missing.settle(found) }
            }
        }
        return try problems + missing.settle(found)
    }

    /// Both.
    func run(checks: Bool, _ problems: inout [AuditedFileProblem]) throws -> (findings: RowFindings, clock: Timestamp) {
        var (findings, differing, clock) = try sums(checks: checks, &problems)
        let broken = Set(problems.filter { $0.kind != .misdescribed }.map(\.path))
        var shown: [ShownRows.Entry] = []
        let isPartly = problems.contains { $0.kind == .unsupported }
        let more = try rows(differing, without: broken, clock: clock) { row, file in
            var row = row
            if isPartly, row.kind == .missing { row.kind = .unread }
            findings.note(row)
            if row.kind.isDifference, shown.count < options.listed { shown.append(ShownRows.Entry(found: row, file: file?.data.file)) }
        }
        for problem in more where !problems.contains(problem) { problems.append(problem) }
        findings.finish()
        findings.rows = try ShownRows(comparison: self).rows(shown)
        return (findings, clock)
    }

    private typealias ColdSums = (hours: [Int64: AuditSums], problems: [AuditedFileProblem])

    /// The server computes its sums while we make those of the files.
    private func bothSums(_ checks: Bool) -> (warm: Result<[WarmHour], any Error>, cold: Result<ColdSums, any Error>) {
        let answer = Mutex<Result<[WarmHour], any Error>?>(nil)
        let group = DispatchGroup()
        // SAFETY: until the group is done, this thread leaves the reader alone.
        nonisolated(unsafe) let reader = reader
        let source = source(range)
        DispatchQueue(label: "k2.audit.warm").async(group: group) {
            let result = Result { try reader.hours(source) }
            answer.withLock { $0 = result }
        }
        let sums = Result { try scan.sums(cold.files(in: range), in: range, checks: checks) }
        group.wait()
        return (answer.withLock { $0! }, sums)
    }

    /// The times of a chunk that are compared.
    func range(of chunk: HourChunk) -> Range<Timestamp> {
        let (first, last) = (AuditHour.start(chunk.hours.min()!), AuditHour.start(chunk.hours.max()! + 1))
        return max(first, range.lowerBound)..<min(last, range.upperBound)
    }

    /// Compares the rows of one share of some hours. A row that is missing there may be elsewhere in the lake.
    func rows(
        of chunk: HourChunk, _ part: Int, without broken: Set<String>, clock: Timestamp, _ found: (Discrepancy, DeletedFile?) throws -> Void
    ) throws {
        let narrow = range(of: chunk)
        let share = chunk.parts > 1 ? (index: part, count: chunk.parts) : nil
        let files = cold.files(in: narrow)
        // The lake's rows are those of a snapshot; whatever it has, the warm store has by now.
        let coldPrints = try scan.prints(files, without: broken, hours: Set(chunk.hours), in: narrow, part: share)
        var warmPrints: [WarmPrint] = []
        try reader.prints(source(narrow), hours: chunk.hours, part: share) {
            try scan.mayGoOn()
            warmPrints += $0
        }
        let match = PrintMatch(cutoff: keeping.cutoff(at: clock).microseconds, isRevised: isRevised)
        try match.run(warmPrints, coldPrints) { try found($0, $0.cold.map { files[Int($0.file)] }) }
    }
}

extension RowFindings {
    fileprivate mutating func note(_ hour: HourComparison, warm: AuditSums, pending: Int64) {
        add(warm: warm, cold: hour.cold ?? AuditSums(measures: warm.measures.count), on: hour.hour)
        count(.pending, pending, on: hour.hour)
    }

    fileprivate mutating func note(expired hour: HourComparison) {
        guard let cold = hour.cold else { return }
        add(warm: AuditSums(measures: cold.measures.count), cold: cold, on: hour.hour)
        count(.expired, cold.rows, on: hour.hour)
    }

    fileprivate mutating func note(differing hour: HourComparison) {
        let count = hour.cold?.measures.count ?? hour.warm.values.first?.measures.count ?? 0
        var warm = AuditSums(measures: count)
        for sums in hour.warm.values { warm.add(sums) }
        add(warm: warm, cold: hour.cold ?? AuditSums(measures: count), on: hour.hour)
        hours.append(Hour(hour: hour.hour, warmRows: hour.warmRows, coldRows: hour.coldRows))
    }

    fileprivate mutating func note(_ found: Discrepancy) {
        let hour = AuditHour.of(found.time)
        count(found.kind, 1, on: hour)
        if found.kind == .differs, found.remedy == .none { staying += 1 }
        if let place = place(of: hour) { hours[place].counts[found.kind.rawValue, default: 0] += 1 }
        // What the lake gets later is not compared.
        if found.kind == .pending, let row = found.warm, found.cold == nil { days[Self.day(hour)]?.warm.takeAway(row.row) }
    }

    /// Hours are noted in their order.
    private func place(of hour: Int64) -> Int? {
        var (low, high) = (0, hours.count)
        while low < high {
            let middle = (low + high) / 2
            if hours[middle].hour < hour { low = middle + 1 } else { high = middle }
        }
        return low < hours.count && hours[low].hour == hour ? low : nil
    }

    /// Hours that came out well after all are not told.
    fileprivate mutating func finish() {
        hours.removeAll { hour in !Discrepancy.Kind.allCases.contains { $0.isDifference && (hour.counts[$0.rawValue] ?? 0) > 0 } }
    }

    private mutating func count(_ kind: Discrepancy.Kind, _ rows: Int64, on hour: Int64) {
        if rows == 0 { return }
        counts[kind.rawValue, default: 0] += rows
        days[Self.day(hour)]?.counts[kind.rawValue, default: 0] += rows
    }

    private mutating func add(warm: AuditSums, cold: AuditSums, on hour: Int64) {
        let day = Self.day(hour)
        if days[day] == nil { days[day] = Day(warm: AuditSums(measures: warm.measures.count), cold: AuditSums(measures: cold.measures.count)) }
        days[day]?.warm.add(warm)
        days[day]?.cold.add(cold)
    }

    private static func day(_ hour: Int64) -> Int64 { AuditHour.start(hour).day }
}

extension AuditSums {
    /// Leaves a row out; its measures stay.
    fileprivate mutating func takeAway(_ hash: UInt64) {
        rows -= 1
        self.hash &-= hash
        check &-= RowHash.mix(hash)
    }
}
