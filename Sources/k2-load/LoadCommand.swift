import ArgumentParser
import K2CLI

@main
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "k2-load",
        abstract: "Bring records into ClickHouse, exactly once in effect.",
        discussion: """
            EXAMPLES
              k2-load init
              k2-feed live binance | k2-normalize --bronze | k2-load --tee | k2-ohlcv | k2-load
              k2-load schema --ttl none

            EXIT STATUS
              0 done, everything is in ClickHouse; 1 failed; 64 wrong usage or configuration; 65 input was rejected and no \
            --dead-letter file kept it, or --strict; 69 ClickHouse refused for good; 75 ClickHouse is away, and rows wait in \
            the spool for the next start; 130, 143 stopped by a signal.

            ENVIRONMENT
              K2_CLICKHOUSE_URL            http(s)://[user[:password]@]host[:port][/database], several hosts with commas between
              K2_CLICKHOUSE_USER           the user, else that of the URL
              K2_CLICKHOUSE_PASSWORD       the password, else that of the URL; K2_CLICKHOUSE_PASSWORD_FILE names a file with it
              SSL_CERT_FILE                certificates to trust, PEM, in place of the system's
              XDG_STATE_HOME               where the spool is, in k2/load (default: ~/.local/state)
            """,
        version: ToolMain.version,
        subcommands: [RunCommand.self, InitCommand.self, SchemaCommand.self], defaultSubcommand: RunCommand.self)

    static func main() { ToolMain.run(LoadCommand.self, name: "k2-load") }
}
