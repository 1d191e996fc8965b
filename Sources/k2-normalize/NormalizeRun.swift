import Glibc
import K2Bytes
import K2CLI
import K2NDJSON

/// Reads lines, hands them to the normalizer, and puts what comes out where it belongs.
struct NormalizeRun: ~Copyable {
    private let plan: NormalizePlan
    private let diagnostics: Diagnostics
    private var normalizer: Normalizer
    private var reader: LineReader
    private var output: LineWriter
    private var deadLetters: DeadLetterFile?
    private var shown = 0

    /// Refusals shown on stderr; the others are only counted.
    private static let maxShown = 10

    init(plan: consuming NormalizePlan, diagnostics: Diagnostics) throws {
        let catalog = try plan.instruments()
        deadLetters = try DeadLetterFile.open(plan.deadLetterPath, tool: diagnostics.tool)
        normalizer = Normalizer(catalog: catalog, writesBronze: plan.writesBronze, gapPatience: plan.gapPatience)
        reader = LineReader(descriptor: STDIN_FILENO, name: "stdin", stopDescriptor: Shutdown.descriptor)
        output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        self.plan = plan
        self.diagnostics = diagnostics
    }

    mutating func run() throws {
        do {
            try readAll()
        } catch {
            // What came before must not be lost: records when a line ends the run, dead letters when our reader has left.
            try? output.flush()
            try deadLetters?.close()
            throw error
        }
        normalizer.finish(into: &output.buffer)
        try output.flush()
        try deadLetters?.close()
        if plan.printsStats { diagnostics.report("stats: \(normalizer.stats.description)") }
        let rejected = normalizer.stats.rejected
        if rejected > 0 && deadLetters == nil {
            throw ToolFailure(
                .badInput, "stdin: \(rejected) \(rejected == 1 ? "record was" : "records were") rejected",
                hint: "--dead-letter FILE keeps rejected lines")
        }
    }

    private mutating func readAll() throws {
        while true {
            switch try reader.next(flushing: &output) {
            case .line: normalizer.process(reader.line, into: &output.buffer)
            case .truncated: normalizer.refuseLine("truncated last line, no newline at its end")
            case .tooLong:
                normalizer.refuseLine("line longer than \(reader.maxLineBytes) bytes; only its start is kept here")
            case .end, .stopped: return
            case .timedOut: continue
            }
            if !normalizer.refusals.isEmpty { try keepRefused() }
            try output.endRecord()
        }
    }

    private mutating func keepRefused() throws {
        let reason = normalizer.reason
        try deadLetters?.write(line: reader.number, reason: reason, input: reader.line)
        if plan.isStrict { throw ToolFailure(.badInput, "stdin:\(reader.number): \(reason)") }
        if deadLetters != nil || shown >= Self.maxShown || normalizer.stats.rejected == 0 { return }
        shown += 1
        diagnostics.report("stdin:\(reader.number): \(reason)")
        if shown == Self.maxShown { diagnostics.report("stdin: further rejected lines are only counted") }
    }
}
