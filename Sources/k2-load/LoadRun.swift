import Glibc
import K2Bytes
import K2CLI
import K2ClickHouse
import K2Connections
import K2HTTP
import K2JSON
import K2NDJSON
import K2Rows
import K2Spool

/// Reads records from standard input, passes them on, and hands their rows over in batches.
struct LoadRun: ~Copyable {
    // Copies of the flags: reading one of a command costs as much as a field of a row.
    private let batchRows: Int
    private let batchBytes: Int
    /// Microseconds.
    private let batchAge: Int64
    private let drain: Int64
    private let timeout: Int64
    private let isKcat: Bool
    private let isStrict: Bool
    private let printsStats: Bool
    private let diagnostics: Diagnostics
    private let queue: LoadQueue
    private let maker: BatchMaker
    private let sender: Sender
    private let rejects: Rejects
    private let abort: AbortFlag
    private let metrics: LoadMetrics?
    private var intake: RowIntake
    private var reader: LineReader
    private var output: LineWriter
    private var record: ByteWriter
    /// When the first of the waiting rows came to each table, µs of the monotonic clock.
    private var since: [Int64?]
    private var oldest: Int64?
    private var isTeeing: Bool
    /// Why lines are not passed on any more, where that is a failure.
    private var teeFailure: StreamError?
    private var unseenBytes = 0

    /// Rows of all tables together, in bytes, at which the largest table is handed over.
    private static let maxWaitingBytes = 24 << 20
    /// How often at least a thread that waits for input looks at the clock and at loading, ms.
    private static let lookInterval: Int64 = 500
    /// What of the ten seconds after a signal is left for ClickHouse, µs.
    private static let signalPatience: Int64 = 5_000_000

    private init(
        _ command: RunCommand, _ diagnostics: Diagnostics, _ queue: LoadQueue, _ maker: BatchMaker, _ sender: Sender, _ rejects: Rejects,
        _ abort: AbortFlag, _ metrics: LoadMetrics?
    ) {
        batchRows = command.batchRows
        batchBytes = command.batchSize.bytes
        batchAge = command.batchAge.microseconds
        drain = command.drain.microseconds
        timeout = command.timeout.microseconds
        isTeeing = command.tee
        isKcat = command.kcat
        isStrict = command.strict
        printsStats = command.stats
        self.diagnostics = diagnostics
        self.queue = queue
        self.maker = maker
        self.sender = sender
        self.rejects = rejects
        self.abort = abort
        self.metrics = metrics
        reader = LineReader(descriptor: STDIN_FILENO, name: "stdin", stopDescriptor: Shutdown.descriptor)
        output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout", stopDescriptor: Shutdown.descriptor)
        intake = RowIntake()
        record = ByteWriter(capacity: 4096)
        since = Array(repeating: nil, count: intake.buffers.count)
        reader.patience = Int32(clamping: min(max(batchAge / 4_000, 1), Self.lookInterval))
    }

    /// Opens the spool and starts the threads behind it.
    static func start(_ command: RunCommand, diagnostics: Diagnostics) throws -> LoadRun {
        let address = try command.server.address()
        let metricsAddress = try command.metricsListen.map { try ListenAddress.parse($0, flag: "--metrics-listen") }
        let rejects = try Rejects(command.deadLetter, diagnostics)
        let (spool, folder) = try SpoolFolders.open(command.spool, for: address, diagnostics)
        if spool.tornBytes > 0 { diagnostics.report("spool: \(spool.tornBytes) bytes at its end are damaged, a batch that was cut off, and were left out") }
        if !spool.isEmpty { diagnostics.report("spool: \(spool.depth.frames) batches of an earlier run are sent first") }
        let hasLeftover = !spool.isEmpty
        let queue = LoadQueue(spool, folder: folder, limit: command.spoolLimit.bytes) { diagnostics.report($0) }
        let abort = AbortFlag()
        let client = ClickHouseClient(address, options: ClickHouseOptions.http("k2-load", timeout: Int(command.timeout.microseconds / 1_000), abort: abort))
        let maker = BatchMaker(queue)
        let sender = Sender(queue, diagnostics)
        let metrics = try metricsAddress.map { try LoadMetrics($0, sender, queue, rejects) }
        try maker.start()
        sender.start(try Inserter.make(client, rejects: rejects, diagnostics: diagnostics, hasLeftover: hasLeftover))
        return LoadRun(command, diagnostics, queue, maker, sender, rejects, abort, metrics)
    }

    mutating func run() throws {
        var failure: (any Error)?
        do { try readAll() } catch { failure = error }
        defer { metrics?.close() }
        try finish(failure)
    }

    // MARK: Reading

    private mutating func readAll() throws {
        while true {
            let event: LineEvent
            do throws(StreamError) { event = try reader.next(flushing: &output) } catch {
                if error.name != output.name { throw error }
                endTee(error)
                continue
            }
            switch event {
            case .line: try addLine()
            case .truncated: try refuse("truncated last line, no newline at its end")
            case .tooLong: try refuse("line longer than \(reader.maxLineBytes) bytes; only its start is kept here")
            case .timedOut: break
            case .end, .stopped: return
            }
            if isTimeToLook || event == .timedOut {
                handOverOld()
                if sender.permanentFailure != nil { reader.readNoMore() }
            }
        }
    }

    /// Lines cannot be passed on any more: what was read is still loaded, and no more is read.
    private mutating func endTee(_ error: StreamError) {
        isTeeing = false
        reader.readNoMore()
        if error.code == .readerGone { return }
        if Shutdown.signalNumber != nil, error.errno == ETIMEDOUT {
            diagnostics.report("stdout: its reader takes nothing: the last lines are loaded and not passed on")
        } else {
            teeFailure = error
        }
    }

    /// The clock is looked at for each line, sizes and threads now and then only.
    private var isTimeToLook: Bool {
        mutating get {
            unseenBytes += reader.line.count
            let isDue = oldest.map { MonotonicClock.now() - $0 >= batchAge } ?? true
            guard isDue || reader.number & 0xff == 0 || unseenBytes >= 1 << 18 else { return false }
            unseenBytes = 0
            return true
        }
    }

    private mutating func addLine() throws {
        do {
            guard let table = try addRecord() else { return }
            if since[table] == nil {
                since[table] = MonotonicClock.now()
                oldest = oldest ?? since[table]
            }
            if intake.buffers[table].rowCount >= batchRows { handOver(table) }
        } catch let error as RecordError {
            try refuse("\(error)", isCounted: true)
        } catch let error as JSONError {
            try refuse("line: \(error)", isCounted: true)
        }
    }

    /// The table that got a row.
    private mutating func addRecord() throws -> Int? {
        guard isKcat else {
            if isTeeing { do throws(StreamError) { try output.write(line: reader.line) } catch { endTee(error) } }
            return try intake.add(reader.line)
        }
        var record = ByteWriter(capacity: 0)
        swap(&record, &self.record)
        defer { swap(&record, &self.record) }
        let start = KafkaPrefix.read(reader.line, into: &record)
        if isTeeing {
            do throws(StreamError) { try output.write(line: reader.line.extracting((start ?? 0)..<reader.line.count)) } catch { endTee(error) }
        }
        guard start != nil else { throw RecordError("line", expected: "a partition, an offset and a record", found: nil) }
        return try intake.add(record.bytes)
    }

    private mutating func refuse(_ reason: String, isCounted: Bool = false) throws {
        if !isCounted { intake.countRefused() }
        if isStrict { throw ToolFailure(.badInput, "stdin:\(reader.number): \(reason)") }
        try rejects.add(line: reader.number, reason: reason, input: reader.line)
    }

    // MARK: Batches

    private mutating func handOver(_ table: Int) {
        flush()
        maker.add(intake.take(table))
        since[table] = nil
        oldest = since.compactMap { $0 }.min()
    }

    /// Passes on what was read, before there may be something to wait for.
    private mutating func flush() {
        if isTeeing { do throws(StreamError) { try output.flush() } catch { endTee(error) } }
    }

    private mutating func handOverOld() {
        let before = MonotonicClock.now() - batchAge
        for table in intake.waiting where since[table].map({ $0 <= before }) ?? false || intake.buffers[table].byteCount >= batchBytes {
            handOver(table)
        }
        let limit = max(Self.maxWaitingBytes, batchBytes)
        while intake.byteCount > limit, let largest = intake.waiting.max(by: { intake.buffers[$0].byteCount < intake.buffers[$1].byteCount }) {
            handOver(largest)
        }
    }

    // MARK: The end

    /// Brings everything that was read into ClickHouse or the spool, and says which.
    private mutating func finish(_ failure: (any Error)?) throws {
        flush()
        sender.hurry(patience: Shutdown.signalNumber == nil ? drain : Self.signalPatience / 2)
        for table in intake.waiting { handOver(table) }
        let lost = maker.finish()
        waitForSender()
        let left = queue.depth.batches
        var spoolFailure: ToolFailure?
        do { try queue.finish() } catch { spoolFailure = ToolFailure(.failed, "spool: \(error)") }
        try rejects.close()
        if printsStats { reportStats(left) }
        try conclude(spoolFailure ?? failure ?? teeFailure, lost: lost, left: left)
    }

    /// A signal may also come now.
    private func waitForSender() {
        var deadline = Shutdown.signalNumber.map { _ in MonotonicClock.now() + Self.signalPatience }
        while !sender.wait(atMost: 100_000) {
            if deadline == nil, Shutdown.signalNumber != nil {
                sender.hurry(patience: Self.signalPatience / 2)
                deadline = MonotonicClock.now() + Self.signalPatience
            }
            // Without a signal the request under way may take its time, those to further hosts not.
            let isTooLate = deadline.map { MonotonicClock.now() >= $0 } ?? (sender.sinceSuccess - drain >= timeout)
            if isTooLate { abort.set() }
        }
    }

    private func conclude(_ failure: (any Error)?, lost: Int, left: Int) throws {
        let waiting = left == 0 ? nil : "\(left) \(left == 1 ? "batch waits" : "batches wait") in the spool \(queue.folder) for the next start"
        if lost > 0 { diagnostics.report("\(lost) rows could be kept nowhere") }
        if let failure = failure ?? (lost > 0 ? ToolFailure(.failed, "not everything that was read is in ClickHouse or in the spool") : nil) {
            if let waiting { diagnostics.report(waiting) }
            throw failure
        }
        if let error = sender.permanentFailure {
            let failure = ToolFailure(error)
            throw ToolFailure(.unavailable, [failure.message, waiting].compactMap { $0 }.joined(separator: "; "), hint: failure.hint)
        }
        if let waiting {
            if Shutdown.signalNumber == nil { throw ToolFailure(.temporary, "\(sender.trouble ?? "ClickHouse is away"); \(waiting)") }
            diagnostics.report(waiting)
        }
        let rejected = rejects.count
        if rejected > 0, !rejects.isKept {
            throw ToolFailure(
                .badInput, "stdin: \(rejected) \(rejected == 1 ? "record was" : "records were") rejected",
                hint: "--dead-letter FILE keeps rejected lines")
        }
    }

    private func reportStats(_ left: Int) {
        let sent = sender.stats
        diagnostics.report(
            "stats: lines \(intake.stats.lines); rows \(intake.stats.rows); skipped \(intake.stats.skipped); rejected \(intake.stats.rejected); "
                + "inserted \(sent.rows) rows in \(sent.batches) batches; refused by ClickHouse \(sent.refused); expired \(sent.expired); "
                + "retries \(sender.retries); left in the spool \(left) batches")
    }
}
