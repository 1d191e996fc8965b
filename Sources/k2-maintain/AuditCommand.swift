import ArgumentParser
import Glibc
import K2CLI
import K2ClickHouse
import K2Connections
import K2Domain
import K2HTTP
import K2Maintenance

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Hold the lake against ClickHouse: every column of every row.",
        discussion: """
            EXAMPLES
              k2-maintain audit
              k2-maintain audit --days 7 --json
              k2-maintain audit --tables silver_trades --from 2026-02-17 --to 2026-02-18
              k2-maintain audit --days 7 --repair --dry-run

            ClickHouse and the data files each give counts, sums, bounds and a hash over all columns for each hour; where they differ, rows are \
            compared one by one. Data files are held against their manifests, and candles are computed anew from the trades. A table is ok, different, or \
            unverified when a side was away, empty, or does not keep rows of that age; the audit log in the state store gets a line for each day. By \
            default the last 24 hours are compared, with the rest of the days that they touch.
            """)

    @OptionGroup var options: MaintainOptions

    @OptionGroup(title: "What is compared") var audit: AuditFlags

    @OptionGroup(title: "Repair") var repair: RepairFlags

    @OptionGroup(title: "Servers") var clickHouse: ClickHouseOptions

    @OptionGroup(title: "The lake") var lake: LakeOptions

    func run() throws { try MaintainRun(options, lake).run([try audit.step(clickHouse, repair: repair.options)]) }
}

/// What `audit` may change.
struct RepairFlags: ParsableArguments {
    @Flag(help: "Add the rows that the lake lacks, and remove those that it has twice; then audit again.")
    var repair = false

    @Flag(name: .customLong("replace-different"), help: "With --repair: put ClickHouse's row in the place of one with other values.")
    var replaceDifferent = false

    @Flag(name: .customLong("drop-lost-files"), help: "With --repair: take files out of the table that are not in the store; what ClickHouse has of their rows is added.")
    var dropLostFiles = false

    @Option(name: .customLong("repair-rows"), help: ArgumentHelp("With --repair: compare and commit about so many rows at once.", valueName: "count"))
    var repairRows = 500_000

    func validate() throws {
        guard (1...10_000_000).contains(repairRows) else { throw ValidationError("--repair-rows: expected 1 to 10000000, found \(repairRows)") }
        guard repair || !replaceDifferent else { throw ValidationError("--replace-different: expected --repair with it") }
        guard repair || !dropLostFiles else { throw ValidationError("--drop-lost-files: expected --repair with it") }
    }

    var options: RepairOptions? {
        guard repair else { return nil }
        var options = RepairOptions()
        options.replacesDifferent = replaceDifferent
        options.dropsLostFiles = dropLostFiles
        options.rowsAtOnce = Int64(repairRows)
        return options
    }
}

/// What `audit` is told.
struct AuditFlags: ParsableArguments {
    @Option(help: ArgumentHelp("Compare the last so many days.", valueName: "count"))
    var days: Int?

    @Flag(help: "Compare everything.")
    var full = false

    @Option(help: ArgumentHelp("Begin at this event time, a day or an RFC 3339 time; of a time in an hour, with the hour.", valueName: "time"))
    var from: TimeArgument?

    @Option(help: ArgumentHelp("End before this event time.", valueName: "time"))
    var to: TimeArgument?

    @Option(name: .customLong("list"), help: ArgumentHelp("Show at most so many rows of each check that differ.", valueName: "count"))
    var listed = 10

    @Option(name: .customLong("may-be-empty"), help: ArgumentHelp("Comma-separated tables that may have no rows at all.", valueName: "list"))
    var mayBeEmpty = MarketTables.gaps.coldName

    @Option(help: ArgumentHelp("Look for late rows so far before the watermark. Until then the lake may lack them.", valueName: "time"))
    var lookback = DurationArgument(argument: "15m")!

    @Option(name: .customLong("max-lag"), help: ArgumentHelp("While rows wait, the watermark may be so far behind.", valueName: "time"))
    var maxLag = DurationArgument(argument: "1h")!

    @Option(help: ArgumentHelp("How long a window stays open after its end, in event time.", valueName: "duration"))
    var lateness = DurationArgument(argument: "10s")!

    @Option(help: ArgumentHelp("How long ClickHouse may send nothing.", valueName: "time"))
    var patience = DurationArgument(argument: "5m")!

    func validate() throws {
        if let days, !(1...36_500).contains(days) { throw ValidationError("--days: expected 1 to 36500, found \(days)") }
        guard [days != nil, full, from != nil || to != nil].count(where: { $0 }) < 2 else {
            throw ValidationError("--days, --full, --from: expected one of them")
        }
        guard (from == nil) == (to == nil) else { throw ValidationError("--from, --to: expected both or none") }
        if let from, let to, from.time >= to.time { throw ValidationError("--to: expected a time after \(from), found \(to)") }
        guard (0...100_000).contains(listed) else { throw ValidationError("--list: expected 0 to 100000, found \(listed)") }
        let known = MarketTables.all.map(\.coldName)
        for name in emptyNames where !known.contains(name) {
            throw ValidationError("--may-be-empty: \"\(name)\" is not a table: expected some of \(known.joined(separator: ", "))")
        }
        guard patience.microseconds >= 1_000_000 else { throw ValidationError("--patience: expected 1s or more, found \(patience)") }
    }

    private var emptyNames: [String] { mayBeEmpty.split(separator: ",").map(String.init) }

    func step(_ clickHouse: ClickHouseOptions, repair: RepairOptions? = nil) throws -> MaintenanceStep {
        let address = try clickHouse.address()
        let timeout = Int(patience.microseconds / 1_000)
        let abort = AbortFlag()
        _ = StopWatch(abort)
        return AuditStep(auditOptions(at: WallClock.now()), repair: repair) { table in
            let client = ClickHouseClient(address, options: ClickHouseOptions.http("k2-maintain", timeout: timeout, abort: abort))
            return AuditReader(client, name: "k2-maintain-\(getpid())-\(WallClock.now().microseconds)-\(table)")
        }.step
    }

    func auditOptions(at now: Timestamp) -> AuditOptions {
        var options = AuditOptions(range: AuditSpan.choose(days: days, full: full, from: from?.time, to: to?.time, now: now))
        options.lookback = lookback.microseconds
        options.maxLag = maxLag.microseconds
        options.lateness = lateness.microseconds
        options.mayBeEmpty = Set(emptyNames)
        options.listed = listed
        return options
    }
}
