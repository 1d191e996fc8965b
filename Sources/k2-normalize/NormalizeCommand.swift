import ArgumentParser
import K2CLI
import K2Exchanges

@main
struct NormalizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "k2-normalize",
        abstract: "Turn raw exchange messages into one exact stream of trades.",
        discussion: """
            EXAMPLES
              k2-feed replay day.ndjson.gz | k2-normalize > trades.ndjson
              k2-feed replay day.ndjson.gz | k2-normalize --bronze --dead-letter bad.ndjson --stats | …

            Reads raw and gap records on stdin, writes trade records (with --bronze also bronze ones) and \
            gap records on stdout. Duplicates are dropped by exchange, symbol and trade id. A hole in the ids \
            that no gap record covers becomes a gap record. Equal input gives equal bytes.

            EXIT STATUS
              0 done; 64 wrong usage; 65 input was rejected and no --dead-letter file kept it, or --strict; \
            66 a file is missing; 130, 143 stopped by a signal after flushing.
            """,
        version: ToolMain.version)

    @Flag(help: "Also write a bronze record for each trade: the trade's part of the message, verbatim.")
    var bronze = false

    @Option(name: .customLong("dead-letter"), help: ArgumentHelp("Append rejected lines, with the reason, to this file.", valueName: "file"))
    var deadLetter: String?

    @Flag(help: "Stop at the first line that is rejected, with status 65.")
    var strict = false

    @Flag(help: "Print a line of counts on stderr at the end.")
    var stats = false

    @Option(help: ArgumentHelp("Instruments to add to the bundled ones, one object a line; else K2_INSTRUMENTS.", valueName: "file"))
    var instruments: String?

    @Option(
        name: .customLong("gap-patience"),
        help: ArgumentHelp("How long a hole in the ids may still fill, in receive time, before it is reported.", valueName: "duration"))
    var gapPatience = DurationArgument(argument: "2s")!

    func run() throws {
        var run = try NormalizeRun(plan: NormalizePlan(self), diagnostics: Diagnostics(tool: "k2-normalize"))
        try run.run()
    }

    static func main() { ToolMain.run(NormalizeCommand.self, name: "k2-normalize") }
}

/// What the flags and the environment ask for.
struct NormalizePlan {
    var writesBronze: Bool
    var deadLetterPath: String?
    var isStrict: Bool
    var printsStats: Bool
    var instrumentsPath: String?
    var gapPatience: Int64

    init(_ command: NormalizeCommand) {
        writesBronze = command.bronze
        deadLetterPath = command.deadLetter
        isStrict = command.strict
        printsStats = command.stats
        instrumentsPath = command.instruments ?? InputFile.environment("K2_INSTRUMENTS")
        gapPatience = command.gapPatience.microseconds
    }

    /// The bundled instruments, and those of the instruments file.
    func instruments() throws -> InstrumentCatalog {
        var catalog = InstrumentCatalog.bundled()
        guard let path = instrumentsPath else { return catalog }
        let bytes = try InputFile.read(path, what: "instruments file")
        do throws(InstrumentFileError) { try InstrumentFile.read(bytes, into: &catalog) } catch {
            throw ToolFailure(.usage, "\(path):\(error)")
        }
        return catalog
    }
}
