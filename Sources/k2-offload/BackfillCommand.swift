import ArgumentParser
import K2CLI
import K2Connections
import K2Domain
import K2Lake

struct BackfillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill",
        abstract: "Bring rows back that the lake has lost, from ClickHouse.",
        discussion: """
            EXAMPLES
              k2-offload backfill --from 2026-02-17 --to 2026-02-18
              k2-offload backfill --from 2026-02-17T09:00:00Z --to 2026-02-17T10:00:00Z --tables silver_trades

            For each day, the rows of the lake's data files are compared with those of ClickHouse, by event time; those that the lake lacks \
            are added. What is there stays as it is. Watermarks do not change.
            """)

    @Option(help: ArgumentHelp("Begin at this event time, a day or an RFC 3339 time.", valueName: "time"))
    var from: TimeArgument

    @Option(help: ArgumentHelp("End before this event time.", valueName: "time"))
    var to: TimeArgument

    @OptionGroup var selection: TableSelection

    @OptionGroup var cycle: CycleOptions

    @OptionGroup(title: "Servers") var clickHouse: ClickHouseOptions

    @OptionGroup(title: "The lake") var lake: LakeOptions

    func validate() throws {
        guard from.time < to.time else { throw ValidationError("--to: expected a time after \(from), found \(to)") }
    }

    func run() throws {
        let options = cycle.options(tables: selection.count)
        let (from, to) = (from.time, to.time)
        let run = CycleRun(try LakePlan(lake), try clickHouse.address(), options, Diagnostics(tool: "k2-offload")) { definition, source, stores, watch in
            try Backfill(
                definition, from: source, to: stores, options: options.offload, isStopped: { Shutdown.signalNumber != nil }, progress: watch.progress,
                note: watch.note
            ).run(from: from, to: to)
        }
        let results = run.run(selection.names)
        try CycleReport.check(results, expected: selection.count)
    }
}
