import ArgumentParser
import K2CLI
import K2Connections
import K2Maintenance

struct OrphansCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orphans",
        abstract: "Find files that nothing names, look through them, move them aside, bring them back or delete them.",
        discussion: """
            EXAMPLES
              k2-maintain orphans plan -o orphans.ndjson
              k2-maintain orphans apply orphans.ndjson
              k2-maintain orphans list
              k2-maintain orphans restore 20260218T020000-1f3a5c7e
              k2-maintain orphans purge --older-than 7d
            """,
        subcommands: [PlanVerb.self, ApplyVerb.self, ListVerb.self, RestoreVerb.self, PurgeVerb.self])

    struct PlanVerb: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "plan",
            abstract: "Write down the files under each table's location that nothing names. Changes nothing.",
            discussion: """
                EXAMPLES
                  k2-maintain orphans plan -o orphans.ndjson
                  k2-maintain orphans plan --tables silver_trades --older-than 30d

                An orphan is a file that no snapshot names, no metadata log, no statistics, no other table of the catalog, and neither an open \
                batch nor maintenance that is at work, and that is older than --older-than. Files and folders that begin with _ or . are passed over. The plan is NDJSON, a line a \
                file with size, age and reason: lines may be taken out before it is applied. Nothing is planned for a table whose location is shared \
                with another table, nor when anything cannot be read that the table needs.
                """)

        @OptionGroup var options: MaintainOptions

        @Option(name: .customLong("older-than"), help: ArgumentHelp("Leave files alone that are younger.", valueName: "time"))
        var olderThan = DurationArgument(argument: "3d")!

        @Option(name: [.short, .customLong("output")], help: ArgumentHelp("Write the plan to this file; else the files are shown on stdout.", valueName: "file"))
        var output: String?

        @OptionGroup(title: "The lake") var lake: LakeOptions

        func run() throws {
            let run = try MaintainRun(options, lake)
            let file = try output.map { path throws(ToolFailure) in try PlanFile(path) }
            let step = OrphanSearch.step(
                olderThan: olderThan.microseconds, locations: CatalogLocations(), output: file, isShown: file == nil)
            let result = Result { try run.run([step]) }
            try file?.finish()
            try result.get()
        }
    }

    struct ApplyVerb: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "apply",
            abstract: "Move the files of a plan to quarantine, after looking again whether each is still an orphan.",
            discussion: """
                EXAMPLES
                  k2-maintain orphans apply orphans.ndjson
                  k2-maintain orphans apply orphans.ndjson --dry-run

                Files are moved to _quarantine/ID/ below the table's location, with a manifest that says where each came from. One that came into use \
                meanwhile, or that is another file now, stays. After a kill, the same plan goes on from where it stood.
                """)

        @Argument(help: ArgumentHelp("A plan of k2-maintain orphans plan.", valueName: "plan"))
        var plan: String

        @OptionGroup var options: MaintainOptions

        @OptionGroup(title: "The lake") var lake: LakeOptions

        func run() throws {
            let bytes = try InputFile.read(plan, what: "plan", limit: 1 << 30)
            var plans: [OrphanPlan]
            do throws(OrphanPlanError) { plans = try OrphanPlan.read(bytes) } catch { throw ToolFailure(.badInput, "\(plan): \(error)") }
            if let names = options.names { plans.removeAll { !names.contains($0.table) } }
            var seen: Set<String> = []
            let tables = plans.map(\.table).filter { seen.insert($0).inserted }
            try MaintainRun(options, lake).run([QuarantineMove.step(plans, locations: CatalogLocations())], tables: tables)
        }
    }

    struct ListVerb: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Show what is in quarantine.",
            discussion: """
                EXAMPLES
                  k2-maintain orphans list --json
                """)

        @OptionGroup var options: MaintainOptions

        @OptionGroup(title: "The lake") var lake: LakeOptions

        func run() throws { try MaintainRun(options, lake).run([QuarantineEnd.listing]) }
    }

    struct RestoreVerb: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore",
            abstract: "Bring the files of a quarantine back to where they were.",
            discussion: """
                EXAMPLES
                  k2-maintain orphans restore 20260218T020000-1f3a5c7e

                Nothing is replaced: where another file lies now, the one in quarantine stays there.
                """)

        @Argument(help: ArgumentHelp("As k2-maintain orphans list shows it.", valueName: "id"))
        var id: String

        @OptionGroup var options: MaintainOptions

        @OptionGroup(title: "The lake") var lake: LakeOptions

        func run() throws {
            var isFound = false
            try MaintainRun(options, lake).run([QuarantineEnd.restoring(id) { isFound = true }])
            if !isFound, Shutdown.signalNumber == nil { throw ToolFailure(.usage, "\(id): no table has a quarantine of this name", hint: "k2-maintain orphans list") }
        }
    }

    struct PurgeVerb: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "purge",
            abstract: "Delete what has been in quarantine for long. It cannot be brought back then.",
            discussion: """
                EXAMPLES
                  k2-maintain orphans purge --older-than 7d

                In a local folder, files that a killed process never finished go as well when they are older; in S3 a lifecycle rule of the bucket \
                does that.
                """)

        @Option(name: .customLong("older-than"), help: ArgumentHelp("Keep what has been in quarantine for a shorter time.", valueName: "time"))
        var olderThan = DurationArgument(argument: "7d")!

        @OptionGroup var options: MaintainOptions

        @OptionGroup(title: "The lake") var lake: LakeOptions

        func run() throws { try MaintainRun(options, lake).run([QuarantineEnd.purging(olderThan: olderThan.microseconds)]) }
    }
}
