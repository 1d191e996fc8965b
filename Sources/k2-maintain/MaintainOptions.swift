import ArgumentParser
import K2CLI
import K2Domain
import K2Lake

/// The flags that all verbs share which go over tables.
struct MaintainOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Comma-separated tables, such as silver_trades,gold_ohlcv_1m; all if left out. Other tables of the namespace cold may be named, too.", valueName: "list"))
    var tables: String?

    @Flag(name: .customLong("dry-run"), help: "Change nothing; print on stdout what would be done.")
    var dryRun = false

    @Flag(help: "One JSON object a line. On stdout: lines of a plan, and each table's result.")
    var json = false

    @Option(help: ArgumentHelp("Try a table so often again.", valueName: "count"))
    var retries = 3

    @Option(name: .customLong("metrics-file"), help: ArgumentHelp("Write metrics to this file at the end.", valueName: "file"))
    var metricsFile: String?

    func validate() throws {
        guard (0...1000).contains(retries) else { throw ValidationError("--retries: expected 0 to 1000, found \(retries)") }
        if names?.isEmpty == true { throw ValidationError("--tables: expected names of tables, found nothing") }
        for name in names ?? [] where name.contains(".") {
            throw ValidationError("--tables: \"\(name)\": expected the name of a table in the namespace \(LakeSchema.namespace.joined(separator: ".")), without a dot")
        }
    }

    /// In the order in which they were given; nil: those of K2 that exist.
    var names: [String]? {
        tables.map { text in
            var seen: Set<String> = []
            return text.split(separator: ",").map(String.init).filter { seen.insert($0).inserted }
        }
    }

    static let ownTables = MarketTables.all.map(\.coldName)
}
