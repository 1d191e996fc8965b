import ArgumentParser
import K2CLI
import K2Connections
import K2Maintenance

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Do all that is due: compact, expire, look for orphans, audit. For a timer, daily.",
        discussion: """
            EXAMPLES
              k2-maintain run --metrics-file /var/lib/k2/maintain.prom
              k2-maintain run --skip audit
              k2-maintain run --dry-run --json

            Table by table: small files are laid together, old snapshots removed, orphans looked for (and nothing done to them: see orphans), and the lake \
            held against ClickHouse. A verb that fails on a table does not stop the others. What each did is in the state store's maintenance_runs, and \
            status shows it. Tables that are not K2's are not audited.
            """)

    enum Verb: String, CaseIterable { case compact, expire, orphans, audit }

    @OptionGroup var options: MaintainOptions

    @Option(help: ArgumentHelp("Comma-separated verbs that are left out: \(Verb.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "list"))
    var skip: String?

    @OptionGroup(title: "compact") var compact: CompactFlags

    @OptionGroup(title: "expire") var expire: ExpireFlags

    @Option(name: .customLong("orphans-older-than"), help: ArgumentHelp("Look for orphans that are older than this.", valueName: "time"))
    var orphansOlderThan = DurationArgument(argument: "3d")!

    @Option(name: .customLong("orphans-plan"), help: ArgumentHelp("Write the plan of orphans to this file, for orphans apply; else they are only counted.", valueName: "file"))
    var orphansPlan: String?

    @OptionGroup(title: "audit") var audit: AuditFlags

    @OptionGroup(title: "Servers") var clickHouse: ClickHouseOptions

    @OptionGroup(title: "The lake") var lake: LakeOptions

    func validate() throws {
        for name in skippedNames where Verb(rawValue: name) == nil {
            throw ValidationError("--skip: \"\(name)\" is not a verb: expected some of \(Verb.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if verbs.isEmpty { throw ValidationError("--skip: nothing is left to do") }
    }

    private var skippedNames: [String] { (skip ?? "").split(separator: ",").map(String.init) }

    /// In the order in which they are done.
    var verbs: [Verb] { Verb.allCases.filter { !skippedNames.contains($0.rawValue) } }

    func run() throws {
        if verbs.contains(.compact) { HeapSettings.returnFreedMemory() }
        let run = try MaintainRun(options, lake)
        let file = try orphansPlan.map { path throws(ToolFailure) in try PlanFile(path) }
        let locations = CatalogLocations()
        let steps = try verbs.map { verb in
            switch verb {
            case .compact: Compaction.step(try compact.options())
            case .expire: Expiry.step(expire.options, locations: locations)
            case .orphans: OrphanSearch.step(olderThan: orphansOlderThan.microseconds, locations: locations, output: file, isShown: options.dryRun && file == nil)
            case .audit: try audit.step(clickHouse)
            }
        }
        let result = Result { try run.run(steps + (options.metricsFile == nil ? [] : [TableHealth.step])) }
        try file?.finish()
        try result.get()
    }
}
