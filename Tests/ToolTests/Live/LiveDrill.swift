import Foundation
import Glibc
import K2TestSupport
import Testing

/// One capture of a simulated exchange: `k2-sim serve` and `k2-feed live` in a folder of their own, the output in the file `raw`.
final class LiveDrill {
    struct Plan: Sendable {
        var exchange = "binance"
        var rate = "3000"
        var trades = 12_000
        var faults: [String] = []
        var faultEvery = "600ms"
        var seed: UInt64 = 1
        /// More flags.
        var sim: [String] = ["--no-rest-limits"]
        var feed: [String] = ["--silence", "1s", "--rest-interval", "5ms"]
        /// Symbols that are not compared: the exchange refuses them.
        var without: Set<String> = []

        var description: String { "\(exchange) \(faults.joined(separator: ",")) every \(faultEvery), seed \(seed)" }
    }

    let plan: Plan
    /// Symbols that are captured for a part of the time.
    var partly: Set<String> = []
    let folder: TestFolder
    let sim: DrillProcess
    let port: Int
    private(set) var feed: DrillProcess?

    init(_ plan: Plan) async throws {
        self.plan = plan
        folder = try TestFolder()
        var arguments = ["serve", plan.exchange, "--truth", "truth", "--port-file", "port", "--rate", plan.rate, "--trades", "\(plan.trades)"]
        arguments += ["--seed", "\(plan.seed)"] + plan.sim
        if !plan.faults.isEmpty { arguments += ["--faults", plan.faults.joined(separator: ","), "--fault-every", plan.faultEvery] }
        sim = try DrillProcess("k2-sim", arguments, "2>sim.err", directory: folder.path)
        let path = folder.path + "/port"
        let process = sim
        try await Poll.until("k2-sim listens", within: 20, every: 10) {
            guard process.isRunning else { throw DrillError("k2-sim ended: \(DrillFile.text("\(path)/../sim.err"))") }
            return access(path, F_OK) == 0
        }
        port = try #require(Int(DrillFile.text(path).filter(\.isNumber)))
    }

    deinit {
        sim.send(SIGTERM)
        // Foundation opens what it removes, and would wait for a writer.
        unlink(folder.path + "/pipe")
    }

    // MARK: The feed

    var endpoints: [String] { ["--endpoint", "ws://127.0.0.1:\(port)\(streamPath)", "--rest-endpoint", "http://127.0.0.1:\(port)"] }

    private var streamPath: String { plan.exchange == "kraken" ? "/v2" : "" }

    /// Without the proxies and certificates of the machine, and without its home.
    var environment: [String: String] {
        var all = ["HOME": folder.path]
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "XDG_STATE_HOME", "SSL_CERT_FILE", "K2_INSTRUMENTS", "NOTIFY_SOCKET"] {
            all[name] = ""
        }
        return all
    }

    /// Starts k2-feed, with the state and the spool of an earlier run.
    func start(
        _ more: [String] = [], output: String = ">>raw", environment: [String: String] = [:], prefix: String = "", endpoints: [String]? = nil
    ) throws {
        let arguments = ["live", plan.exchange] + (endpoints ?? self.endpoints) + ["--state", "state.json", "--spool", "spool", "--stats"]
        feed = try DrillProcess(
            "k2-feed", arguments + plan.feed + more, "\(output) 2>>feed.err", environment: self.environment.merging(environment) { $1 },
            directory: folder.path, prefix: prefix)
    }

    /// Sends a signal and waits for the end.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM, within seconds: Int = 15) async throws -> Int32 {
        guard let feed else { return -1 }
        feed.send(signal)
        let status = try await feed.end(within: seconds)
        self.feed = nil
        return status
    }

    /// The exit status of a feed that ends by itself.
    func ended(within seconds: Int = 15) async throws -> Int32 {
        let status = try await #require(feed).end(within: seconds)
        feed = nil
        return status
    }

    /// Cuts the last line that a killed run left half written.
    func cutTornLine(_ file: String = "raw") throws {
        let path = folder.path + "/" + file
        let bytes = try DrillFile.read(path)
        let end = bytes.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        if end < bytes.count { truncate(path, off_t(end)) }
    }

    /// Segments in the spool.
    var spooledFiles: Int { (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/spool"))?.filter { $0 != "lock" }.count ?? 0 }

    /// Whether the messages of each connection stand in the order of their receipt.
    func isInOrder(_ file: String) throws -> Bool {
        var last: [String: UInt64] = [:]
        var isInOrder = true
        RecordText.forEach(in: try DrillFile.read(folder.path + "/" + file)) { line in
            guard let number = line.number("\"sequence\":") else { return }
            let connection = line.string("\"connection\":")
            if number <= last[connection] ?? 0 { isInOrder = false }
            last[connection] = number
        }
        return isInOrder
    }

    /// How many records in `raw` name a symbol, by any of its spellings.
    func captured(_ symbol: String) throws -> Int {
        let quote = symbol.hasSuffix("USDT") ? "USDT" : "USD"
        let base = symbol.dropLast(quote.count)
        let result = try ToolProcess.shell(
            "grep -cE '\"(s|symbol|product_id)\":\"\(base)[-/]?\(quote)\"' raw || true", directory: folder.path)
        return Int(result.text.filter(\.isNumber)) ?? 0
    }

    var errors: String { DrillFile.text(folder.path + "/feed.err") }

    // MARK: The exchange

    func control(_ request: String) throws -> String { try LoopbackHTTP.get(port, "/control/\(request)").body }

    struct Stats: Decodable {
        var finished: Bool
        var trades: Int
        var connections: Int
        var opened_connections: Int
        var requests: Int
        var faults: [String: Int]
    }

    func stats() throws -> Stats { try JSONDecoder().decode(Stats.self, from: Data(try control("stats").utf8)) }

    /// A simulator that speaks TLS is not asked: the truth has all its trades.
    private func isFinished() throws -> Bool {
        if !plan.sim.contains("--tls") { return try stats().finished }
        return try lines("truth").count >= plan.trades
    }

    /// The lines of a file, each once.
    func lines(_ file: String) throws -> Set<String> {
        Set(String(decoding: try DrillFile.read(folder.path + "/" + file), as: UTF8.self).split(separator: "\n").map(String.init))
    }

    func waitForTrades(_ count: Int, within seconds: Double = 60) async throws {
        try await Poll.until("\(count) trades", within: seconds) { try stats().trades >= count }
    }

    /// A capture begins with its first saved state: what a run without one misses, the next one cannot know.
    func waitForState(within seconds: Double = 30) async throws {
        let path = folder.path + "/state.json"
        let symbols = plan.exchange == "binance" ? 12 : 11
        try await Poll.until("a state with all symbols", within: seconds) { DrillState.symbols(path) == symbols }
    }

    // MARK: The end

    /// Waits until the market has ended and the state file accounts for all its trades, but not forever: what is missing then is found by the
    /// comparison.
    func settle(within seconds: Double = 50, state: String = "state.json") async throws {
        try await Poll.until("the market has ended", within: seconds) {
            if feed?.isRunning != true { throw DrillError("k2-feed ended: \(errors.suffix(1_000))") }
            return try isFinished()
        }
        // What the exchange withheld at the very end shows when a connection is new, or after half a minute of silence.
        if plan.faults.contains(where: { ["gap", "late", "reorder"].contains($0.prefix { $0 != "=" }) }) { _ = try control("faults?drop") }
        let truth = try DrillTruth(folder.path + "/truth")
        let path = folder.path + "/" + state
        let without = plan.without.union(partly)
        let deadline = ContinuousClock.now + .seconds(seconds)
        while let waiting = DrillState.unsettled(path, truth, without: without) {
            if ContinuousClock.now > deadline { return print("\(plan.description): not settled: \(waiting)") }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    func normalize(_ input: String = "raw") throws -> [UInt8] {
        let result = try ToolProcess.shell("k2-normalize --dead-letter dead < \(input) > trades 2> normalize.err", directory: folder.path)
        #expect(result.status == 0, "\(DrillFile.text(folder.path + "/normalize.err"))")
        return try DrillFile.read(folder.path + "/trades")
    }

    /// Ends the feed, and compares its output with the truth.
    @discardableResult
    func finish(
        _ input: String = "raw", isNormalized: Bool = false, status: Int32 = 143, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> DrillComparison {
        if feed != nil {
            let ended = try await stop()
            #expect(ended == status, "\(plan.description): \(errors.suffix(1_000))", sourceLocation: sourceLocation)
        }
        sim.send(SIGTERM)
        #expect(try await sim.end(within: 15) == 143, "\(DrillFile.text(folder.path + "/sim.err"))", sourceLocation: sourceLocation)
        return try compare(input, isNormalized: isNormalized, sourceLocation: sourceLocation)
    }

    private func compare(_ input: String, isNormalized: Bool, sourceLocation: SourceLocation = #_sourceLocation) throws -> DrillComparison {
        let truth = try DrillTruth(folder.path + "/truth")
        let symbols = Set(truth.trades.keys).subtracting(plan.without)
        let comparison = DrillComparison(
            truth, raw: try DrillFile.read(folder.path + "/" + input), trades: isNormalized ? try DrillFile.read(folder.path + "/" + input) : try normalize(input),
            symbols: symbols,
            partly: partly)
        DrillCount.add(truth.count)
        if !comparison.problems.isEmpty { keep(comparison, sourceLocation) }
        return comparison
    }

    /// Fails; the files stay where `K2_DRILL_KEEP` names a folder.
    private func keep(_ comparison: DrillComparison, _ sourceLocation: SourceLocation) {
        var where_ = ""
        if let keep = ProcessInfo.processInfo.environment["K2_DRILL_KEEP"] {
            where_ = "\(keep)/\(plan.exchange)-\(UInt32.random(in: 0 ... .max))"
            try? FileManager.default.copyItem(atPath: folder.path, toPath: where_)
        }
        Issue.record(
            "\(plan.description) \(where_)\n\(comparison.problems.joined(separator: "\n"))\n\(errors.suffix(1_500))", sourceLocation: sourceLocation)
    }
}

/// Trades of all drills of this run.
enum DrillCount {
    private static let total = Counter()

    static func add(_ count: Int) {
        let sum = total.add(count)
        print("drills: \(count) trades compared, \(sum) so far")
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var sum = 0

        func add(_ count: Int) -> Int {
            lock.lock()
            defer { lock.unlock() }
            sum += count
            return sum
        }
    }
}

/// Reads the state file of a capture.
enum DrillState {
    private struct State: Decodable {
        struct Symbol: Decodable {
            var name: String
            var last_id: UInt64
            var known: [[UInt64]]
            var holes: [Hole]
        }
        struct Hole: Decodable { var first: UInt64 }
        var symbols: [Symbol]
    }

    /// How many symbols the state has.
    static func symbols(_ path: String) -> Int { read(path)?.symbols.count ?? 0 }

    private static func read(_ path: String) -> State? {
        (try? DrillFile.read(path)).flatMap { try? JSONDecoder().decode(State.self, from: Data($0)) }
    }

    /// What is not accounted for among the trades since the first one of each symbol; nil: nothing.
    static func unsettled(_ path: String, _ truth: DrillTruth, without: Set<String>) -> String? {
        guard let state = read(path) else { return "no state" }
        var seen = without
        for symbol in state.symbols {
            let name = symbol.name.filter { $0 != "/" && $0 != "-" }
            guard let trades = truth.trades[name], let first = symbol.known.first?.first else { return "\(name) in the state" }
            if let hole = symbol.holes.first { return "\(name): a hole at \(hole.first)" }
            if without.contains(name) { continue }
            let last = trades.filter { $0.value.kind == .sent }.keys.max() ?? 0
            if symbol.last_id < last { return "\(name): \(symbol.last_id) is known, \(last) is the last one" }
            if !symbol.known.contains(where: { $0[0] <= first && last <= $0[1] }) { return "\(name): known \(symbol.known)" }
            seen.insert(name)
        }
        return Set(truth.trades.keys).subtracting(seen).sorted().first.map { "\($0): nothing" }
    }
}
