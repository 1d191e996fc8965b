import ArgumentParser
import Glibc
import K2CLI
import K2Domain
import K2NDJSON
import K2Simulator
import K2WebSocket

/// `k2-sim serve`: flags to a `ServePlan`, a server until a signal.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Pretends to be an exchange on a local port: WebSocket and REST in its exact formats.",
        discussion: """
            EXAMPLES:
              k2-sim serve binance --listen 127.0.0.1:9001
              k2-sim serve kraken --trades 10000 --faults drop,gap=20,http-429 --fault-every 5s --truth truth.ndjson
              k2-sim serve binance --rate max --symbols BTCUSDT
              k2-sim serve coinbase --faults refuse=DOGE-USD,late-ack=2s

            PATHS:
              binance   /ws, /ws/…, /stream?streams=…     /api/v3/historicalTrades, trades, exchangeInfo, ticker/24hr, time
              kraken    /v2                               /0/public/Trades, AssetPairs, SystemStatus, Time
              coinbase  / (Advanced Trade)                /products, /products/ID/trades, /api/v3/brokerage/market/products,
                                                          …/products/ID/ticker
              /control/stats, /control/faults?NAME[=ARGUMENT]&…, /control/open

            Trades start when every symbol has been asked for, 2 s after the first was, or by /control/open. Equal arguments
            make equal trades (times count from that moment; with --start they are equal too). A reader that falls behind by
            more than 1 MiB holds the market back; /control/stats says for how long.

            FAULTS happen at random moments, each --fault-every on average, until the last trade; those marked * are in force
            from the start. An argument follows after =.
              drop, freeze=TIME, half-open     the connection is cut, silent, or neither reads nor sends
              slow=TIME                        bytes trickle
              shutdown=TIME                    announced (Binance, Kraken), then cut so much later
              error-frame, garbage, bad-frame  an error message; no JSON or a binary frame; a frame that breaks RFC 6455
              huge=BYTES, fragments=N          a message of 10 MB; N messages in several frames
              skip=N                           N ids that no trade ever has
              gap=N                            N trades that are not sent and that REST has
              lost=N                           N trades that nobody gets: REST ends above them
              duplicates=N, reorder=N, late=TIME
              *late-ack=TIME, *refuse=SYMBOL   acknowledgements come late; a symbol cannot be subscribed
              *rest-lag=TIME, *age=TIME        REST lacks the newest trades; connections live so long
              http-429=TIME, http-418=TIME     the next request is refused, and all others so long
              http-5xx=STATUS, http-drop, http-slow=TIME
              refuse-connect=TIME              the next attempt to connect is refused, and all others so long
            """)

    @Argument(help: ArgumentHelp("binance, kraken or coinbase.", valueName: "exchange"))
    var exchange: String

    @Option(help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "host:port"))
    var listen: String = "127.0.0.1:0"

    @Option(help: ArgumentHelp("Only these symbols, with commas between, such as BTC-USD,ETH-USD. (default: all)", valueName: "list"))
    var symbols: String?

    @Option(help: ArgumentHelp("Trades a second of recorded time, over all symbols, 1 to 1000000. Also max: as many as the readers take.", valueName: "n"))
    var rate: String = "\(RecordingPlan.defaultRate)"

    @Option(help: ArgumentHelp("How many distinct trades to send, 1 to 1000000000. Then the market is silent. (default: no end)", valueName: "n"))
    var trades: Int?

    @Option(help: ArgumentHelp("Trades made before the market opens, for snapshots and REST.", valueName: "n"))
    var history: Int = 0

    @Option(help: ArgumentHelp("Which of the possible recordings to make.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Time of the first trade, RFC 3339, or now.", valueName: "time"))
    var start: String = "now"

    @Option(help: ArgumentHelp("Id of each symbol's first trade. (default: plausible for the symbol)", valueName: "n"))
    var firstId: Int64?

    @Option(help: ArgumentHelp("Cut every connection at this age. (default: 24h for binance, else never)", valueName: "time"))
    var life: DurationArgument?

    @Option(help: ArgumentHelp("Some of duplicates, reorder, gap, late, with commas between. More are listed above.", valueName: "list"))
    var faults: String?

    @Option(help: ArgumentHelp("Mean time between two faults, 1ms to 1h.", valueName: "time"))
    var faultEvery: DurationArgument = DurationArgument(argument: "10s")!

    @Flag(name: .customLong("rest-limits"), inversion: .prefixedNo, help: "Refuse requests above the exchange's own limits.")
    var restLimits = true

    @Option(help: ArgumentHelp("Also write what is true to FILE: a line for each distinct trade and each hole in the ids.", valueName: "file"))
    var truth: String?

    @Option(help: ArgumentHelp("Certificate chain and key, PEM: then it is wss and https.", valueName: "cert,key"))
    var tls: String?

    @Option(help: ArgumentHelp("Write the port to FILE once it listens.", valueName: "file"))
    var portFile: String?

    @Option(help: ArgumentHelp("End so long after the last trade of --trades. (default: stay)", valueName: "time"))
    var linger: DurationArgument?

    @Flag(help: "Print a line of counts on stderr at the end.")
    var stats = false

    func run() throws {
        let place = try address()
        let identity = try identity()
        let loop = IOLoop()
        defer { loop.close() }
        let server = try ExchangeServer(try plan(), on: loop, truthFile: truth)
        let listener = try listening(place, identity, on: loop, server)
        defer { listener.close() }
        server.start()
        try announce(port: listener.port, host: place.host)
        wait(for: server, on: loop)
        try loop.runAndWait { try server.finish() }
        if stats { Diagnostics(tool: "k2-sim").report(loop.runAndWait { server.counts.json }) }
    }

    private func listening(
        _ place: (host: String, port: Int), _ identity: ServerIdentity?, on loop: IOLoop, _ server: ExchangeServer
    ) throws -> HTTPServer {
        do throws(ListenError) {
            return try HTTPServer.listen(host: place.host, port: place.port, identity: identity, on: loop, service: server)
        } catch {
            throw ToolFailure(.failed, "--listen: \(error)")
        }
    }

    /// Until a signal, until the truth cannot be written, or until `--linger` is over.
    private func wait(for server: ExchangeServer, on loop: IOLoop) {
        var stop = pollfd(fd: Shutdown.descriptor, events: Int16(POLLIN), revents: 0)
        let linger = linger?.microseconds
        while poll(&stop, 1, 50) <= 0, Shutdown.signalNumber == nil {
            let isOver = loop.runAndWait { server.failure != nil || linger.map { server.isDone(after: $0) } ?? false }
            if isOver { return }
        }
    }

    private func announce(port: Int, host: String) throws {
        let scheme = tls == nil ? "" : "s"
        let shown = host.contains(":") ? "[\(host)]" : host
        Diagnostics(tool: "k2-sim").report("listening on ws\(scheme)://\(shown):\(port)\(path) and http\(scheme)://\(shown):\(port)")
        guard let portFile else { return }
        var file = try TruthFile(path: portFile + ".new")
        let text = Array("\(port)\n".utf8)
        try file.write(text.span)
        try file.finish()
        guard rename(portFile + ".new", portFile) == 0 else {
            throw ToolFailure(.failed, "\(portFile): cannot create: \(StreamError.reason(errno))")
        }
    }

    private var path: String {
        switch exchange {
        case "binance": "/stream"
        case "kraken": "/v2"
        default: ""
        }
    }

    // Flags.

    private func plan() throws -> ServePlan {
        do {
            guard let known = Exchange(rawValue: exchange) else {
                let choices = Exchange.allCases.map(\.rawValue).joined(separator: ", ")
                throw SimulationError("exchange", "expected one of \(choices), found \"\(exchange)\"")
            }
            return try ServePlan(
                exchange: known, symbols: symbols?.split(separator: ",").map(String.init), seed: seed, rate: try rateNumber(), trades: trades,
                history: history, start: try startTime(), firstID: firstId, life: life?.microseconds,
                faults: try faults.map { try ServeFault.list($0) } ?? [], faultInterval: faultEvery.microseconds,
                limitsRequests: restLimits, wantsTruth: truth != nil)
        } catch let error as SimulationError {
            throw ToolFailure(.usage, error.description)
        }
    }

    private func rateNumber() throws -> Int? {
        if rate == "max" { return nil }
        guard let number = Int(rate) else { throw SimulationError("--rate", "expected max or a number, found \"\(rate)\"") }
        return number
    }

    private func startTime() throws -> Timestamp? {
        if start == "now" { return nil }
        guard let time = Timestamp(start) else {
            throw SimulationError("--start", "expected now or a time such as 2026-02-18T00:00:00Z, found \"\(start)\"")
        }
        return time
    }

    /// `127.0.0.1:9001`, `[::1]:0`.
    private func address() throws -> (host: String, port: Int) {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]), (0...65_535).contains(port),
            colon != listen.startIndex
        else { throw ToolFailure(.usage, "--listen: expected HOST:PORT, found \"\(listen)\"") }
        return (listen[..<colon].filter { $0 != "[" && $0 != "]" }, port)
    }

    private func identity() throws -> ServerIdentity? {
        guard let tls else { return nil }
        let files = tls.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard files.count == 2 else { throw ToolFailure(.usage, "--tls: expected CERT,KEY, found \"\(tls)\"") }
        return ServerIdentity(certificateFile: files[0], keyFile: files[1])
    }
}
