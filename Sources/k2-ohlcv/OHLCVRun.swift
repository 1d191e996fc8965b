import Glibc
import K2Bytes
import K2CLI
import K2Domain
import K2NDJSON

/// Reads lines, folds them, prints candles, and saves the state now and then.
struct OHLCVRun: ~Copyable {
    private let plan: OHLCVPlan
    private let diagnostics: Diagnostics
    private var stage: CandleStage
    private var tail: OutputTail
    private var reader: LineReader
    private var output: LineWriter
    private var deadLetters: DeadLetterFile?
    private var shown = 0
    private var savedAt: Int64
    private let isResumed: Bool
    private var savedBytes = 0
    private var savedLine = 0

    private static let maxShown = 10
    /// The state is saved after this much output as well: a resumed run compares what stands behind it.
    private static let bytesBetweenSaves = 64 << 20

    init(plan: consuming OHLCVPlan, diagnostics: Diagnostics) throws {
        var fold = CandleFold(
            intervals: plan.intervals, lateness: plan.lateness, keep: plan.keep, emitsUpdates: plan.emitsUpdates)
        let contents = try Self.load(plan.statePath, intervals: fold.intervals)
        let deadLetters = try DeadLetterFile.open(plan.deadLetterPath, tool: diagnostics.tool)
        isResumed = contents != nil
        fold.series = contents?.series ?? []
        stage = CandleStage(fold: fold)
        stage.earlyGaps = contents?.earlyGaps ?? []
        for entry in contents?.unnumbered ?? [] { _ = stage.unnumbered.insert(entry) }
        tail = contents?.output.map { OutputTail(after: $0, descriptor: STDOUT_FILENO) } ?? OutputTail()
        self.deadLetters = deadLetters
        reader = LineReader(descriptor: STDIN_FILENO, name: "stdin", stopDescriptor: Shutdown.descriptor)
        // While nothing comes the state is saved, too: what was read must not wait for the next line.
        if plan.statePath != nil { reader.patience = Int32(clamping: max(plan.stateInterval / 1_000, 100)) }
        output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        savedAt = Self.now()
        self.plan = plan
        self.diagnostics = diagnostics
    }

    private static func load(
        _ path: String?, intervals: [CandleInterval]
    ) throws(ToolFailure) -> CandleState.Contents? {
        guard let path, let bytes = try StateFile.read(path) else { return nil }
        do throws(CandleStateError) { return try CandleState.decode(bytes, intervals: intervals) } catch {
            let place = error.line > 0 ? "\(path):\(error.line)" : path
            throw ToolFailure(.usage, "\(place): \(error.message)", hint: "move the file away to start anew")
        }
    }

    /// Microseconds of a clock that is cheap enough to ask at every line, in steps of some
    /// milliseconds: it only decides how often the state is saved.
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    mutating func run() throws {
        // The first state tells the run after a kill where this one's output began; and a path that
        // cannot be written is found before anything is read.
        if !isResumed { try saveState() }
        let ended = try readAll()
        if ended && plan.closesAtEnd {
            stage.fold.closeAll()
            try printEvents()
        }
        try saveState()
        try output.flush()
        try deadLetters?.close()
        if plan.printsStats { diagnostics.report("stats: \(stage.stats.description)") }
        let rejected = stage.stats.rejected
        if rejected > 0 && deadLetters == nil {
            throw ToolFailure(
                .badInput, "stdin: \(rejected) \(rejected == 1 ? "record was" : "records were") rejected",
                hint: "--dead-letter FILE keeps rejected lines")
        }
    }

    /// Returns whether input has ended, rather than being stopped.
    private mutating func readAll() throws -> Bool {
        while true {
            switch try reader.next(flushing: &output) {
            case .line:
                if plan.tee { try teeLine() }
                stage.process(reader.line)
            case .truncated: stage.refuseLine("truncated last line, no newline at its end")
            case .tooLong:
                stage.refuseLine("line longer than \(reader.maxLineBytes) bytes; only its start is kept here")
            case .end: return true
            case .stopped: return false
            case .timedOut:
                try saveIfDue()
                continue
            }
            if let reason = stage.refusal { try keepRefused(reason) }
            if !stage.fold.events.isEmpty { try printEvents() }
            if plan.statePath != nil { try saveIfDue() }
        }
    }

    private mutating func teeLine() throws(StreamError) {
        if !tail.isEmpty {
            let digest = Digest.hash128(reader.line)
            if tail.remove(digest) { return }
        }
        try output.write(line: reader.line)
    }

    private mutating func printEvents() throws {
        for event in stage.fold.events {
            let mark = output.buffer.count
            let series = stage.fold.series[event.series]
            CandleLine.write(
                event.candle, exchange: series.exchange, canonicalSymbol: series.canonicalSymbol,
                interval: event.interval, to: &output.buffer)
            if !tail.isEmpty {
                let digest = Digest.hash128(output.buffer.bytes.extracting(mark..<output.buffer.count))
                if tail.remove(digest) {
                    output.buffer.truncate(to: mark)
                    continue
                }
            }
            output.buffer.append("\n")
            try output.endRecord()
            stage.count(event)
        }
        stage.fold.events.removeAll(keepingCapacity: true)
    }

    private mutating func keepRefused(_ reason: String) throws {
        if plan.isStrict {
            try output.flush()
            throw ToolFailure(.badInput, "stdin:\(reader.number): \(reason)")
        }
        try deadLetters?.write(line: reader.number, reason: reason, input: reader.line)
        if deadLetters != nil || shown >= Self.maxShown { return }
        shown += 1
        diagnostics.report("stdin:\(reader.number): \(reason)")
        if shown == Self.maxShown { diagnostics.report("stdin: further rejected lines are only counted") }
    }

    private mutating func saveIfDue() throws {
        let now = Self.now()
        let fresh = output.bytesWritten - savedBytes
        guard reader.number > savedLine, now - savedAt > plan.stateInterval || fresh >= Self.bytesBetweenSaves else { return }
        // So much output that the tail does not have: this input is not the one that made the tail.
        if output.bytesWritten >= Self.bytesBetweenSaves { tail = OutputTail() }
        try saveState()
        savedAt = now
        savedBytes = output.bytesWritten
        savedLine = reader.number
    }

    /// Output first, then the state: what the state says was printed has been printed.
    private mutating func saveState() throws {
        try output.flush()
        guard let path = plan.statePath else { return }
        var position = OutputPosition.current(STDOUT_FILENO)
        if let offset = tail.offset { position?.offset = offset }
        try StateFile.write(CandleState.encode(stage, output: position), to: path)
    }
}
