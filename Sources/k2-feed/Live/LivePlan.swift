import Glibc
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2HTTP
import K2Metrics
import K2NDJSON
import K2Spool
import K2WebSocket

/// The flags of `k2-feed live`, checked, and the parts that they ask for.
struct LivePlan {
    let feed: any ExchangeFeed
    let restBase: String
    let statePath: String
    let abort = AbortFlag()
    private let command: LiveCommand
    private let endpoint: WebSocketEndpoint
    private let proxy: ProxyAddress?
    private let metricsAddress: (host: String, port: Int)?
    private let trustFile = InputFile.environment("SSL_CERT_FILE")

    private var exchange: Exchange { feed.exchange }

    init(_ command: LiveCommand) throws(ToolFailure) {
        self.command = command
        feed = ExchangeRegistry.feed(for: command.exchange.exchange)
        if command.symbols != nil, command.symbolsFile != nil {
            throw ToolFailure(.usage, "--symbols and --symbols-file: expected one of them, found both")
        }
        endpoint = try Self.endpoint(command.endpoint, feed)
        proxy = try Self.proxy(endpoint)
        restBase = try command.rest.base(feed)
        metricsAddress = try command.metricsListen.map { text throws(ToolFailure) in try ListenAddress.parse(text, flag: "--metrics-listen") }
        guard command.spoolLimit.bytes >= Self.minSpoolLimit else {
            throw ToolFailure(.usage, "--spool-limit: expected at least 1m, found \"\(command.spoolLimit)\"")
        }
        statePath = command.state ?? StatePaths.folder("feed/\(feed.exchange.rawValue)") + "/state.json"
    }

    /// A record may take a quarter of the spool at most, and a page of a REST history is large.
    private static let minSpoolLimit = 1 << 20

    /// What belongs to every stream of the exchange is added to an address that names no path.
    private static func endpoint(_ text: String?, _ feed: any ExchangeFeed) throws(ToolFailure) -> WebSocketEndpoint {
        var endpoint = try parse(text ?? feed.endpoints.stream)
        if endpoint.target == "/" { endpoint.target = feed.endpoints.streamTarget }
        return endpoint
    }

    private static func parse(_ url: String) throws(ToolFailure) -> WebSocketEndpoint {
        do throws(EndpointError) { return try WebSocketEndpoint(url) } catch { throw ToolFailure(.usage, "--endpoint: \(error)") }
    }

    private static func proxy(_ endpoint: WebSocketEndpoint) throws(ToolFailure) -> ProxyAddress? {
        do throws(EndpointError) { return try ProxyAddress.find(for: endpoint, environment: InputFile.environment) } catch {
            throw ToolFailure(.usage, "\(error)")
        }
    }

    var http: HTTPOptions {
        var options = HTTPOptions()
        options.userAgent = "k2-feed/\(ToolMain.version)"
        options.totalTimeout = 30_000
        options.abort = abort
        return options
    }

    /// The bundled instruments, and those of K2_INSTRUMENTS.
    func catalog() throws(ToolFailure) -> InstrumentCatalog {
        var catalog = InstrumentCatalog.bundled()
        guard let path = InputFile.environment("K2_INSTRUMENTS") else { return catalog }
        let bytes = try InputFile.read(path, what: "instruments file")
        do throws(InstrumentFileError) { try InstrumentFile.read(bytes, into: &catalog) } catch { throw ToolFailure(.usage, "\(path):\(error)") }
        return catalog
    }

    func options(_ list: InstrumentList) throws(ToolFailure) -> LiveOptions {
        let symbols = try list.find(try Self.names(command.symbols, command.symbolsFile, exchange), on: exchange)
        var webSocket = WebSocketOptions()
        webSocket.proxy = proxy
        webSocket.trustFile = trustFile
        webSocket.userAgent = "k2-feed/\(ToolMain.version)"
        var connection = ConnectionPlan.Policy()
        connection.silence = command.silence?.microseconds
        connection.maxAge = command.maxAge?.microseconds
        return LiveOptions(
            feed: feed, symbols: symbols, endpoint: endpoint, restBase: restBase, webSocket: webSocket, connection: connection,
            refill: command.refills.policy, requestInterval: command.refills.interval(feed), requestBurst: feed.limits.requestBurst, symbolsFile: command.symbolsFile)
    }

    /// The names that are asked for, as they were written.
    static func names(_ list: String?, _ file: String?, _ exchange: Exchange) throws(ToolFailure) -> [String] {
        let names: [String]
        if let list {
            names = list.split(separator: ",").map { $0.filter { $0 != " " } }
        } else if let file {
            names = try SymbolsFile.read(file, exchange: exchange)
        } else {
            names = DefaultSymbols.names(of: exchange)
        }
        if names.isEmpty { throw ToolFailure(.usage, "\(file ?? "--symbols"): expected symbols of \(exchange.rawValue), found none") }
        return names
    }

    /// The capture, going on where the state file says that the last one stopped.
    ///
    /// Symbols of the state that are not asked for keep their place in it, and their open gaps are filled: they may be
    /// asked for again.
    func capture(_ options: LiveOptions, _ list: InstrumentList, _ catalog: consuming InstrumentCatalog) throws(ToolFailure) -> Capture {
        if let folder = StatePaths.parent(of: statePath) { try StatePaths.create(folder) }
        let state = try StateSaver.load(statePath, exchange: exchange)
        var capture = Capture(feed: feed, catalog: catalog)
        for symbol in options.symbols {
            let series = state?[symbol.streamName].map { symbol.series(resuming: $0) } ?? symbol.series
            capture.add(series, spellings: symbol.spellings)
        }
        for known in state?.symbols ?? [] where capture.find(known.name) == nil {
            if let symbol = list.instruments.first(where: { $0.streamName == known.name }) {
                capture.add(symbol.series(resuming: known), spellings: symbol.spellings)
            } else {
                capture.addUnlisted(resuming: known)
            }
        }
        return capture
    }

    func output(_ diagnostics: Diagnostics) throws(ToolFailure) -> RecordOutput {
        let folder = command.spool ?? StatePaths.folder("feed/\(exchange.rawValue)") + "/spool"
        if let parent = StatePaths.parent(of: folder) { try StatePaths.create(parent) }
        let queue = try Self.queue(folder, command.spoolLimit.bytes)
        if !queue.isEmpty { diagnostics.report("\(exchange.rawValue): spool: \(queue.depth.bytes) bytes of an earlier run are delivered first") }
        return RecordOutput(descriptor: STDOUT_FILENO, queue: queue)
    }

    private static func queue(_ folder: String, _ limit: Int) throws(ToolFailure) -> SegmentQueue {
        do throws(SpoolError) { return try SegmentQueue.open(folder: folder, limit: limit) } catch {
            throw ToolFailure(error.code == .locked ? .temporary : .failed, "\(error)")
        }
    }

    func recorder(_ diagnostics: Diagnostics) throws(ToolFailure) -> LiveRecorder? {
        guard let folder = command.record else { return nil }
        try StatePaths.create(folder)
        return try LiveRecorder(folder: folder, exchange: exchange, format: command.recordFormat, diagnostics: diagnostics)
    }

    func metricsServer(for live: LiveCapture, on loop: IOLoop) throws(ToolFailure) -> HTTPServer? {
        guard let (host, port) = metricsAddress else { return nil }
        let endpoint = MetricsEndpoint(
            contentType: MetricsText.contentType, text: { LiveMetrics.text(live) }, trouble: { live.isHealthy ? nil : "not subscribed" })
        do throws(ListenError) { return try HTTPServer.listen(host: host, port: port, identity: nil, on: loop, service: endpoint) } catch {
            throw ToolFailure(.usage, "--metrics-listen: \(error)")
        }
    }
}
