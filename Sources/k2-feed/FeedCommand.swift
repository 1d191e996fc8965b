import ArgumentParser
import K2CLI

struct FeedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "k2-feed",
        abstract: "Brings public trades of crypto exchanges to stdout, as raw records.",
        discussion: """
            EXAMPLES:
              k2-feed live binance | k2-normalize | k2-ohlcv
              k2-feed live kraken --symbols BTC/USD,ETH/USD --record recordings > /dev/null
              k2-feed replay recording.ndjson.gz | k2-normalize
              k2-feed replay --speed 10 monday.ndjson tuesday.ndjson.gz
            """,
        version: ToolMain.version,
        subcommands: [LiveCommand.self, ReplayCommand.self, FillCommand.self, InstrumentsCommand.self])
}
