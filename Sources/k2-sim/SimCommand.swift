import ArgumentParser
import K2CLI

struct SimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "k2-sim",
        abstract: "Pretends to be an exchange: for tests, demonstrations and load.",
        discussion: """
            EXAMPLES:
              k2-sim record binance --trades 1000 | k2-normalize | head
              k2-sim record kraken --trades 100000 --faults gap,late > kraken.ndjson
              k2-sim serve binance --listen 127.0.0.1:9001 --faults drop,gap
            """,
        version: ToolMain.version,
        subcommands: [RecordCommand.self, ServeCommand.self])
}
