import Glibc
import K2Bytes
import K2CLI
import K2Connections
import K2JSON
import K2Lake
import K2NDJSON

/// Reads records from standard input and commits them in batches.
struct StreamRun: ~Copyable {
    private let diagnostics: Diagnostics
    private let commitRows: Int
    /// Milliseconds.
    private let commitInterval: Int64
    private let isStrict: Bool
    private let printsStats: Bool
    private var loader: LakeLoader
    private var reader: LineReader
    /// Nothing is printed on stdout while loading; the reader wants a writer to flush.
    private var output: LineWriter
    private var deadLetters: DeadLetterFile?
    private var shown = 0
    /// When the rows that wait have to be committed, in milliseconds of the monotonic clock.
    private var deadline: Int64?
    private var summary: [String: TableSummary] = [:]
    private var order: [String] = []

    private struct TableSummary {
        var rows: Int64 = 0
        var files: Int64 = 0
        var bytes: Int64 = 0
        var snapshots = 0
    }

    /// Bytes of lines read since the sizes were looked at.
    private var unseenBytes = 0

    private static let maxShown = 10
    /// Bytes of waiting rows at which they are committed whatever the other limits say.
    private static let maxWaitingBytes = 80 << 20

    init(_ command: StreamOptions, _ lake: LakeOptions, only: Set<String>?, diagnostics: Diagnostics) throws {
        let stores = try LakePlan(lake).open()
        deadLetters = try DeadLetterFile.open(command.deadLetter, tool: diagnostics.tool)
        loader = LakeLoader(stores, only: only)
        reader = LineReader(descriptor: STDIN_FILENO, name: "stdin", stopDescriptor: Shutdown.descriptor)
        output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        commitRows = command.commitRows
        commitInterval = command.commitInterval.microseconds / 1_000
        isStrict = command.strict
        printsStats = command.stats
        self.diagnostics = diagnostics
    }

    mutating func run() throws {
        do {
            try readAll()
            try commit()
        } catch {
            // The leases are given back whatever happened: what is left open is settled by whoever comes next.
            try? loader.close()
            throw (error as? LakeError).map { ToolFailure($0) } ?? error
        }
        try loader.close()
        try deadLetters?.close()
        report()
        let rejected = loader.stats.rejected
        if rejected > 0 && deadLetters == nil {
            throw ToolFailure(
                .badInput, "stdin: \(rejected) \(rejected == 1 ? "record was" : "records were") rejected",
                hint: "--dead-letter FILE keeps rejected lines")
        }
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    private mutating func readAll() throws {
        while true {
            reader.patience = deadline.map { Int32(clamping: max($0 - Self.now(), 0)) } ?? -1
            switch try reader.next(flushing: &output) {
            case .line: try addLine()
            case .truncated: try refuse("truncated last line, no newline at its end", isCounted: false)
            case .tooLong:
                try refuse("line longer than \(reader.maxLineBytes) bytes; only its start is kept here", isCounted: false)
            case .timedOut: break
            case .end, .stopped: return
            }
            if isDue() { try commit() }
        }
    }

    private mutating func addLine() throws {
        do {
            try loader.add(reader.line)
        } catch let error as RecordError {
            try refuse("\(error)", isCounted: true)
        } catch let error as JSONError {
            try refuse("line: \(error)", isCounted: true)
        }
        for notice in loader.notices { diagnostics.report(notice) }
        loader.notices.removeAll()
        if deadline == nil, loader.waitingRows > 0 { deadline = Self.now() + commitInterval }
    }

    private mutating func isDue() -> Bool {
        if loader.waitingRows == 0 { return false }
        if loader.waitingRows >= commitRows { return true }
        // The clock and the sizes are looked at now and then only.
        unseenBytes += reader.line.count
        guard reader.number & 0xff == 0 || reader.patience == 0 || unseenBytes >= 1 << 20 else { return false }
        unseenBytes = 0
        return deadline.map { $0 <= Self.now() } ?? false || loader.waitingBytes >= Self.maxWaitingBytes
    }

    private mutating func commit() throws {
        for report in try loader.commit() {
            if summary[report.table] == nil { order.append(report.table) }
            summary[report.table, default: TableSummary()].rows += report.rows
            summary[report.table]!.files += report.files
            summary[report.table]!.bytes += report.bytes
            summary[report.table]!.snapshots += 1
        }
        deadline = nil
    }

    private mutating func refuse(_ reason: String, isCounted: Bool) throws {
        if !isCounted { loader.countRefused() }
        if isStrict {
            try commit()
            try loader.close()
            throw ToolFailure(.badInput, "stdin:\(reader.number): \(reason)")
        }
        try deadLetters?.write(line: reader.number, reason: reason, input: reader.line)
        if deadLetters != nil || shown >= Self.maxShown { return }
        shown += 1
        diagnostics.report("stdin:\(reader.number): \(reason)")
        if shown == Self.maxShown { diagnostics.report("stdin: further rejected lines are only counted") }
    }

    /// One line a table that got rows, and one about rows that were there already.
    private func report() {
        for table in order {
            guard let sums = summary[table] else { continue }
            diagnostics.report(
                "\(table): \(sums.rows) rows added, \(sums.files) files, \(sums.bytes) bytes, \(sums.snapshots) snapshots")
        }
        let stats = loader.stats
        if stats.duplicates > 0 { diagnostics.report("\(stats.duplicates) rows were in the lake already and were left out") }
        if order.isEmpty { diagnostics.report("nothing to add") }
        if printsStats {
            diagnostics.report(
                "stats: lines \(stats.lines); duplicates \(stats.duplicates); running candles \(stats.running); "
                    + "skipped \(stats.skipped); rejected \(stats.rejected)")
        }
    }
}
