import ArgumentParser
import K2CLI
import K2ClickHouse

/// How the tables are to be; the same flags for the verb that prints them and the one that makes them.
struct SchemaFlags: ParsableArguments {
    @Option(help: ArgumentHelp("The database; else that of the URL, else k2.", valueName: "name"))
    var database: String?

    @Option(help: ArgumentHelp("Replicated tables on the hosts of this cluster, and distributed ones over them.", valueName: "name"))
    var cluster: String?

    @Option(help: ArgumentHelp("How long rows are kept: standard (7 days bronze, 30 silver, a year the rest) or none.", valueName: "rule"))
    var ttl = "standard"

    func validate() throws {
        guard ttl == "standard" || ttl == "none" else { throw ValidationError("--ttl: expected standard or none, found \"\(ttl)\"") }
        for (flag, name) in [("--database", database), ("--cluster", cluster)] {
            guard let name else { continue }
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
                throw ValidationError("\(flag): expected a name, found \"\(name)\"")
            }
        }
    }

    /// - Parameter fallback: the database when none is named.
    func options(fallback: String) -> SchemaOptions {
        SchemaOptions(database: database ?? fallback, cluster: cluster, ttl: ttl == "none" ? .none : .standard)
    }
}
