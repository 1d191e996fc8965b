import ArgumentParser
import Glibc
import K2CLI
import K2NDJSON

/// `k2-feed replay`: flags, and the loop from input lines to stdout.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Prints the raw and gap records of recordings, byte for byte.",
        discussion: """
            EXAMPLES:
              k2-feed replay recording.ndjson.gz | k2-normalize
              k2-feed replay --speed 1 recording.ndjson      # as fast as it was recorded
              k2-feed replay --speed 60 monday.ndjson.gz tuesday.ndjson.gz
              ssh host cat recording.ndjson.gz | k2-feed replay -

            Files are read one after the other; - is stdin. Gzip and zstd are recognised by their first bytes, several
            members after each other are one text. With --speed the time between records follows received_at: 1 as recorded,
            10 ten times faster; where the times go back (at the next file, perhaps) nothing is waited for.

            A line that is no raw or gap record ends the replay with status 65, after the records before it. So does a
            last line without its newline, and gzip or zstd data that end too early: only whole records are printed.
            """)

    @Argument(help: ArgumentHelp("Recordings, .ndjson, .ndjson.gz or .ndjson.zst; - is stdin.", valueName: "file"))
    var files: [String]

    @Option(
        help: ArgumentHelp("max, or how many times faster than recorded, such as 1 or 0.5. (default: max)", valueName: "factor"),
        transform: {
            guard let speed = ReplaySpeed($0) else { throw ValidationError("expected max, or a number above 0 and up to 1000000") }
            return speed
        })
    var speed: ReplaySpeed = .max

    func validate() throws {
        if files.filter({ $0 == "-" }).count > 1 { throw ValidationError("file: stdin can be read once only, found - twice") }
    }

    func run() throws {
        for file in files where file != "-" { try RecordingInput.check(file) }
        var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        do {
            var replay = Replay(pacer: Pacer(speed: speed))
            for file in files {
                guard try replay.run(try RecordingInput(path: file, stopDescriptor: Shutdown.descriptor), to: &output) else { break }
            }
        } catch let error as StreamError where error.code == .readerGone {
            throw error
        } catch {
            // What was read before the mistake is good.
            try output.flush()
            throw error
        }
        try output.flush()
    }
}
