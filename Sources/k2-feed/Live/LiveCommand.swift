import ArgumentParser
import Glibc
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2HTTP
import K2Spool
import K2WebSocket

/// `k2-feed live`: flags to a running capture.
struct LiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "Captures the public trades of an exchange as they happen.",
        discussion: """
            EXAMPLES:
              k2-feed live binance | k2-normalize | k2-ohlcv
              k2-feed live kraken --symbols BTC/USD,ETH/USD --record recordings | k2-normalize
              k2-feed live coinbase --symbols-file instruments.yaml --metrics-listen 127.0.0.1:9100 | k2-normalize

            Every trade of the exchange is in the output, or a gap record says which ids are missing and why. Holes in the
            ids are filled from the exchange's REST interface: after a lost connection, and after a restart, since the last
            id of each symbol is in the state file. A record may come twice; k2-normalize drops the second one.

            A reader that stalls or leaves loses nothing: records wait in the spool and are delivered in order when it
            returns, or when the tool starts again. SIGHUP reads --symbols-file again and changes the subscriptions; when
            nothing changed, the connections are replaced one by one without a hole.

            ENVIRONMENT:
              SSL_CERT_FILE            certificates to trust, PEM, in place of the system's
              HTTPS_PROXY, NO_PROXY    as usual
              K2_INSTRUMENTS           instruments to know besides the bundled ones
              XDG_STATE_HOME           where state and spool are kept, in k2/feed/EXCHANGE (default: ~/.local/state)
            """)

    @Argument(help: ArgumentHelp("binance, kraken or coinbase.", valueName: "exchange"))
    var exchange: ExchangeArgument

    @Option(help: ArgumentHelp("What to capture, with commas between. (default: the eleven or twelve largest)", valueName: "list"))
    var symbols: String?

    @Option(help: ArgumentHelp("The symbols of each exchange, YAML; see docs/tools/k2-feed.md.", valueName: "file"))
    var symbolsFile: String?

    @Option(help: ArgumentHelp("WebSocket address. (default: the exchange's)", valueName: "url"))
    var endpoint: String?

    @OptionGroup var rest: RESTOptions

    @Option(help: ArgumentHelp("Last ids and open gaps, kept for the next start. (default: under XDG_STATE_HOME)", valueName: "file"))
    var state: String?

    @Option(help: ArgumentHelp("Where records wait until they are delivered. (default: under XDG_STATE_HOME)", valueName: "dir"))
    var spool: String?

    @Option(help: ArgumentHelp("What the spool may take, such as 512m. Beyond, the oldest records go and are ledgered as lost.", valueName: "size"))
    var spoolLimit = SizeArgument(argument: "1g")!

    @Option(help: ArgumentHelp("Also write the records here, in a file for each hour.", valueName: "dir"))
    var record: String?

    @Option(help: ArgumentHelp("How recordings are compressed: gzip or zstd.", valueName: "format"))
    var recordFormat: RecordingFormat = .gzip

    @Option(help: ArgumentHelp("Serve /metrics and /healthz here.", valueName: "host:port"))
    var metricsListen: String?

    @Option(help: ArgumentHelp("A connection that is silent for so long is dead. (default: as the exchange documents)", valueName: "time"))
    var silence: DurationArgument?

    @Option(help: ArgumentHelp("Replace a connection at this age. (default: 23h for binance, else never)", valueName: "time"))
    var maxAge: DurationArgument?

    @OptionGroup var refills: RefillOptions

    @Flag(help: "Print a line of counts on stderr at the end.")
    var stats = false

    func run() throws {
        let plan = try LivePlan(self)
        // Neither reader, that of stdout or that of stderr, may hold up the reading of the exchange.
        let diagnostics = Diagnostics(tool: "k2-feed", waits: false)
        Shutdown.acceptReload()
        let client = HTTPClient(options: plan.http)
        let catalog = try plan.catalog()
        let list = try InstrumentList.fetchOrKnown(plan.feed, base: plan.restBase, client, catalog, diagnostics)
        if Shutdown.signalNumber != nil { return }
        let options = try plan.options(list)
        let loop = IOLoop()
        let worker = IOLoop()
        // The spool is locked before the state is read: an earlier run may still be writing it.
        let output = try plan.output(diagnostics)
        let capture = try plan.capture(options, list, catalog)
        let live = LiveCapture(
            options: options, loop: loop, capture: capture, output: output,
            saver: StateSaver(path: plan.statePath, worker: worker, loop: loop),
            rest: RESTWorker(base: plan.restBase, feed: plan.feed, client: client, worker: IOLoop(), loop: loop, abort: plan.abort),
            recorder: try plan.recorder(diagnostics), diagnostics: diagnostics)
        let server = try plan.metricsServer(for: live, on: loop)
        defer { server?.close() }
        defer { if stats { live.reportStats() } }
        try live.run()
    }
}
