import ArgumentParser
import K2CLI
import K2Connections
import K2Maintenance

struct CompactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Lay small files together, and apply delete files.",
        discussion: """
            EXAMPLES
              k2-maintain compact --dry-run
              k2-maintain compact --tables silver_trades --where "timestamp < '2026-02-18'"
              k2-maintain compact --tables gold_ohlcv_1m --dedupe --rewrite-manifests

            In each partition, files below 75 % or above 180 % of --target-size are candidates, and files with deletes. They are laid together when there \
            are --min-input-files of them, when they fill a file, or when rows of them were deleted; a second run right after finds nothing to do. \
            Rows are put into the table's sort order, or the one that is given here.

            Before each commit, what was written is read back: the number of rows, exact sums, and a hash of all values that does not depend on the \
            order of rows must be those of what was read. Otherwise nothing is committed, the files are kept, and the exit status is 3. Others may write \
            to the table meanwhile: a group whose files they changed is left as it is. Files that cannot be read are left with their group, and the exit \
            status is 1 after the others.

            A table that is named must have the columns of --where, --sort and --z-order; of tables that are not named, those that lack them are left alone.
            """)

    @OptionGroup var options: MaintainOptions

    @OptionGroup(title: "What to compact") var compact: CompactFlags

    @OptionGroup(title: "How to write") var writing: CompactWritingFlags

    @OptionGroup(title: "The lake") var lake: LakeOptions

    func run() throws {
        HeapSettings.returnFreedMemory()
        let columns = options.names == nil ? ColumnSearch() : nil
        try MaintainRun(options, lake).run([Compaction.step(try compact.options(writing), columns: columns)])
        if let failure = columns?.failure, Shutdown.signalNumber == nil { throw ToolFailure(.usage, failure) }
    }
}

/// What `compact` and `run` are told about the choice of files.
struct CompactFlags: ParsableArguments {
    @Option(
        name: .customLong("target-size"),
        help: ArgumentHelp("Bytes of a data file, about; 128m unless the table's write.target-file-size-bytes says it.", valueName: "size"))
    var targetSize: SizeArgument?

    @Option(name: .customLong("min-input-files"), help: ArgumentHelp("Lay so many files together even when they do not fill one.", valueName: "count"))
    var minInputFiles = 5

    @Option(name: .customLong("max-memory"), help: ArgumentHelp("Bytes that the process may take, 96m or more; what does not fit goes to a file in TMPDIR for a while.", valueName: "size"))
    var maxMemory = SizeArgument(argument: "512m")!

    @Option(name: .customLong("max-commits"), help: ArgumentHelp("Commits to a table at most.", valueName: "count"))
    var maxCommits = 10

    func validate() throws {
        if let targetSize, targetSize.bytes < CompactOptions.smallestTarget {
            throw ValidationError("--target-size: expected 64k or more, found \(targetSize)")
        }
        guard minInputFiles >= 2 else { throw ValidationError("--min-input-files: expected 2 or more, found \(minInputFiles)") }
        guard maxMemory.bytes >= CompactOptions.smallestMemory else { throw ValidationError("--max-memory: expected 96m or more, found \(maxMemory)") }
        guard (1...1000).contains(maxCommits) else { throw ValidationError("--max-commits: expected 1 to 1000, found \(maxCommits)") }
    }

    func options(_ writing: CompactWritingFlags? = nil) throws -> CompactOptions {
        var options = CompactOptions()
        if let targetSize { options.targetSize = targetSize.bytes } else { options.isTargetOfTable = true }
        options.minInputFiles = minInputFiles
        options.maxMemory = maxMemory.bytes
        options.maxCommits = maxCommits
        options.temporaryFolder = InputFile.environment("TMPDIR") ?? "/tmp"
        try writing?.apply(to: &options)
        return options
    }
}

/// What only `compact` is told.
struct CompactWritingFlags: ParsableArguments {
    @Option(
        name: .customLong("where"),
        help: ArgumentHelp("Only files that may hold such rows: column op literal, joined by AND, with =, <, <=, >, >=, IN (…).", valueName: "condition"))
    var condition: String?

    @Option(help: ArgumentHelp("Sort rows by these columns, such as \"symbol, time desc nulls last\", instead of the table's order.", valueName: "list"))
    var sort: String?

    @Option(name: .customLong("z-order"), help: ArgumentHelp("Lay rows along a curve through these columns, such as symbol,time.", valueName: "list"))
    var zOrder: String?

    @Flag(help: """
        Of rows with equal identity in a partition that say the same keep the first; of candles only the newest revision. Others stay, and are counted.
        """)
    var dedupe = false

    @Flag(name: .customLong("rewrite-manifests"), help: "Lay small manifests together as well.")
    var rewriteManifests = false

    func validate() throws {
        if sort != nil, zOrder != nil { throw ValidationError("--sort and --z-order exclude each other") }
        if let condition {
            do throws(FilePredicate.Malformed) { _ = try FilePredicate(condition) } catch { throw ValidationError("--where: \(error)") }
        }
        for term in sort?.split(separator: ",") ?? [] where SortTerm(term) == nil {
            throw ValidationError("--sort: expected a column, then asc or desc, then nulls first or nulls last, found \"\(term)\"")
        }
        if let zOrder, !(2...8).contains(Self.names(zOrder).count) { throw ValidationError("--z-order: expected 2 to 8 columns, found \(Self.names(zOrder).count)") }
    }

    private static func names(_ list: String) -> [String] { list.split(separator: ",").map { $0.filter { $0 != " " } } }

    func apply(to options: inout CompactOptions) throws {
        options.condition = try condition.map { try FilePredicate($0) }
        if let sort { options.order = .fields(sort.split(separator: ",").compactMap { SortTerm($0) }) }
        if let zOrder { options.order = .zOrder(Self.names(zOrder)) }
        options.removesDuplicates = dedupe
        options.rewritesManifests = rewriteManifests
    }
}
