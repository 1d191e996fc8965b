import ArgumentParser
import K2CLI
import K2ClickHouse
import K2Connections

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make the database and its tables, or bring them to this version.",
        discussion: """
            EXAMPLES
              K2_CLICKHOUSE_URL=http://127.0.0.1:8123/k2 k2-load init
              k2-load init --cluster main --ttl none

            What is there already stays as it is; it is safe to run this again, also after it was interrupted.
            """)

    @OptionGroup var schema: SchemaFlags
    @OptionGroup var server: ClickHouseOptions

    /// Milliseconds; on a cluster all hosts have to answer.
    private static let timeout = 180_000

    func run() throws {
        var address = try server.address()
        let options = schema.options(fallback: address.database)
        // The one that is to be made may not be there to log into.
        address.database = "default"
        let client = ClickHouseClient(address, options: ClickHouseOptions.http("k2-load", timeout: Self.timeout))
        do throws(ClickHouseError) {
            let applied = try SchemaInstaller(client, WarmSchema(options)).run()
            let diagnostics = Diagnostics(tool: "k2-load")
            for migration in applied { diagnostics.report("\(options.database): version \(migration.version): \(migration.description)") }
            if applied.isEmpty { diagnostics.report("\(options.database): up to date") }
        } catch {
            throw ToolFailure(error)
        }
    }
}
