import ArgumentParser
import Glibc
import K2Bytes
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2HTTP
import K2NDJSON

/// `k2-feed fill`: missing trades from the exchange's history.
struct FillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill",
        abstract: "Fetches missing trades from the history of an exchange.",
        discussion: """
            EXAMPLES:
              k2-feed fill binance --symbol BTCUSDT --from-id 388511 --to-id 388599 | k2-normalize
              k2-feed fill kraken --symbol BTC/USD --from-id 100 --to-id 200 --after 2026-02-18T00:00:00Z
              grep '"kind":"gap"' feed.ndjson > gaps.ndjson; k2-feed fill coinbase --ledger gaps.ndjson

            Prints raw records of origin rest, and a gap record for what became of each range: filled, empty (the
            exchange proved that there was nothing) or lost. Of a ledger, the gaps of this exchange whose last record
            says open are asked for. Kraken's history is ordered by time: without a ledger it needs --after, a time
            before the first missing trade.

            Exit status 3 when something is lost.
            """)

    @Argument(help: ArgumentHelp("binance, kraken or coinbase.", valueName: "exchange"))
    var exchange: ExchangeArgument

    @Option(help: ArgumentHelp("The symbol, in any of its spellings.", valueName: "name"))
    var symbol: String?

    @Option(help: ArgumentHelp("First missing trade id.", valueName: "id"))
    var fromId: UInt64?

    @Option(help: ArgumentHelp("Last missing trade id.", valueName: "id"))
    var toId: UInt64?

    @Option(help: ArgumentHelp("A time before the first missing trade, RFC 3339.", valueName: "time"))
    var after: String?

    @Option(help: ArgumentHelp("Gap records, NDJSON; other records are skipped. - for stdin.", valueName: "file"))
    var ledger: String?

    @OptionGroup var rest: RESTOptions

    @OptionGroup var refills: RefillOptions

    func run() throws {
        let feed = ExchangeRegistry.feed(for: exchange.exchange)
        let base = try rest.base(feed)
        let wanted = try FillPlan.wanted(self)
        var options = HTTPOptions()
        options.userAgent = "k2-feed/\(ToolMain.version)"
        options.totalTimeout = 30_000
        let client = HTTPClient(options: options)
        let catalog = InstrumentCatalog.bundled()
        let list = try InstrumentList.fetchOrKnown(feed, base: base, client, catalog, Diagnostics(tool: "k2-feed"))
        var capture = Capture(feed: feed, catalog: catalog)
        try FillPlan.add(wanted, to: &capture, list)
        var run = FillRun(self, feed: feed, base: base, client: client)
        try run.run(&capture)
        if capture.counts.lostIDs > 0 {
            throw ToolFailure(.different, "\(feed.exchange.rawValue): \(capture.counts.lostIDs) ids are lost: the exchange does not have them")
        }
    }
}
