import Foundation
import K2TestSupport
import K2WebSocket
import Testing

/// The built `k2-sim serve` on a loopback port.
@Suite struct ServeToolTests {
    /// A running server.
    private final class Served {
        let tool: RunningTool
        let port: String
        private let folder: TestFolder

        init(_ arguments: [String]) throws {
            folder = try TestFolder()
            let file = try folder.file("port")
            tool = try ToolProcess.start("k2-sim", ["serve"] + arguments + ["--port-file", file])
            var text: String?
            for _ in 0..<500 where text == nil {
                text = try? String(contentsOfFile: file, encoding: .utf8)
                usleep(20_000)
            }
            port = try #require(text).trimmingCharacters(in: .newlines)
        }

        func get(_ target: String, _ options: [String] = [], scheme: String = "http") throws -> ToolResult {
            try ToolProcess.run("/usr/bin/curl", ["-s", "--max-time", "20"] + options + ["\(scheme)://127.0.0.1:\(port)\(target)"])
        }

        func stats() throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(try get("/control/stats").text.utf8)) as? [String: Any])
        }
    }

    /// A client that keeps what it hears. Confined to its loop; read through `runAndWait`.
    private final class Listener: WebSocketDelegate, @unchecked Sendable {
        private let loop = IOLoop()
        private var socket: WebSocket?
        private var requests: [String]
        private var texts: [String] = []
        private var end: WebSocketEnd?

        init(_ url: String, _ requests: [String] = [], trust: String? = nil) throws {
            self.requests = requests
            let endpoint = try WebSocketEndpoint(url)
            var options = WebSocketOptions()
            options.trustFile = trust
            loop.runAndWait { [options] in self.socket = WebSocket.connect(to: endpoint, options: options, on: self.loop, delegate: self) }
        }

        func webSocketOpened(_ socket: WebSocket) { for text in requests { socket.send(text: Array(text.utf8)) } }

        func webSocket(_ socket: WebSocket, received message: UnsafeRawBufferPointer, isText: Bool) {
            if isText { texts.append(String(decoding: message, as: UTF8.self)) }
        }

        func webSocket(_ socket: WebSocket, ended reason: WebSocketEnd) { end = reason }

        /// What came, as soon as `condition` holds for it or the connection ended; at most 20 s later.
        func wait(_ condition: @escaping @Sendable ([String]) -> Bool) -> (texts: [String], end: WebSocketEnd?) {
            for _ in 0..<1_000 {
                if loop.runAndWait({ condition(self.texts) || self.end != nil }) { break }
                usleep(20_000)
            }
            return loop.runAndWait { (self.texts, self.end) }
        }

        func close() {
            loop.runAndWait { self.socket?.abort() }
            loop.close()
        }
    }

    @Test(arguments: [
        ("binance", "/stream?streams=btcusdt@trade", [], "\"e\":\"trade\"", "BTCUSDT"),
        (
            "kraken", "/v2", [#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]}}"#], "\"trade_id\"", "BTCUSD"
        ),
        (
            "coinbase", "/", [#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}"#], "\"trade_id\"", "BTC-USD"
        ),
    ])
    func tradesArriveAndAreTheTruth(_ exchange: String, _ path: String, _ requests: [String], _ mark: String, _ symbol: String) throws {
        let folder = try TestFolder()
        defer { withExtendedLifetime(folder) {} }
        let truth = try folder.file("truth.ndjson")
        let served = try Served([exchange, "--symbols", symbol, "--trades", "300", "--rate", "1000", "--truth", truth, "--first-id", "700"])
        let listener = try Listener("ws://127.0.0.1:\(served.port)\(path)", requests)
        defer { listener.close() }
        let texts = listener.wait { $0.contains { $0.contains(#""t":999,"#) || $0.contains(#""trade_id":999,"#) || $0.contains(#""trade_id":"999""#) } }.texts
        let ids = Set(texts.filter { $0.contains(mark) }.flatMap { $0.matches(of: /"(?:t|trade_id)":"?([0-9]+)/).compactMap { Int($0.1) } })
        #expect(ids == Set(700..<1_000))
        let stats = try served.stats()
        #expect(stats["trades"] as? Int == 300 && stats["finished"] as? Bool == true && stats["connections"] as? Int == 1)
        served.tool.send(signal: 15)
        let result = try served.tool.finish()
        #expect(result.status == 143 && result.stderr.hasPrefix("k2-sim: listening on ws://127.0.0.1:\(served.port)"))
        #expect(try String(contentsOfFile: truth, encoding: .utf8).split(separator: "\n").count == 300)
    }

    @Test(arguments: ["drop", "freeze=1s", "half-open", "shutdown=1s", "bad-frame", "slow=1s&fragments=5&huge=3000000&garbage"])
    func faultsReachTheClient(_ fault: String) throws {
        let served = try Served(["binance", "--symbols", "BTCUSDT", "--rate", "100"])
        let listener = try Listener("ws://127.0.0.1:\(served.port)/ws/btcusdt@trade")
        defer { listener.close() }
        #expect(listener.wait { $0.count > 5 }.texts.count > 5)
        #expect(try served.get("/control/faults?\(fault)").text.hasPrefix("{\"fired\":["))
        let count = listener.wait { _ in true }.texts.count
        switch fault {
        case "half-open":
            usleep(1_500_000)
            let heard = listener.wait { _ in true }
            #expect(heard.texts.count <= count + 30 && heard.end == nil)
            let again = listener.wait { _ in true }.texts.count
            usleep(500_000)
            #expect(listener.wait { _ in true }.texts.count == again)
        case _ where fault.hasPrefix("slow"):
            let heard = listener.wait { $0.contains { $0.utf8.count == 3_000_000 } && $0.count > count + 50 }
            #expect(heard.end == nil && heard.texts.contains { $0.utf8.count == 3_000_000 })
        default:
            let heard = listener.wait { _ in false }
            #expect(heard.end != nil)
            if fault.hasPrefix("shutdown") { #expect(heard.texts.contains { $0.hasPrefix("{\"e\":\"serverShutdown\"") }) }
            if fault == "bad-frame", case .protocolError? = heard.end {} else if fault == "bad-frame" { Issue.record("\(String(describing: heard.end))") }
        }
    }

    @Test func requestsMaySuffer() throws {
        let served = try Served(["kraken"])
        #expect(try served.get("/0/public/SystemStatus").text.hasPrefix(#"{"error":[],"result":{"status":"online""#))
        _ = try served.get("/control/faults?http-429=1s")
        #expect(try served.get("/0/public/Time", ["-i"]).text.hasPrefix("HTTP/1.1 429 "))
        usleep(1_100_000)
        _ = try served.get("/control/faults?http-drop&http-drop&http-slow=500ms")
        for _ in 1...2 { #expect(try served.get("/0/public/AssetPairs").status != 0) }
        #expect(try served.get("/0/public/AssetPairs", ["-w", "%{time_total}", "-o", "/dev/null"]).text >= "0.5")
        _ = try served.get("/control/faults?refuse-connect=2s")
        let listener = try Listener("ws://127.0.0.1:\(served.port)/v2")
        defer { listener.close() }
        guard case .refused(let status, let wait)? = listener.wait({ _ in false }).end else { Issue.record("not refused"); return }
        #expect([429, 503].contains(status) && wait == 2_000_000)
    }

    @Test func speaksTLS() throws {
        let folder = try TestFolder()
        defer { withExtendedLifetime(folder) {} }
        let (cert, key) = (try folder.file("cert.pem"), try folder.file("key.pem"))
        let made = try ToolProcess.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert,
            ])
        try #require(made.status == 0, "\(made.stderr)")
        let served = try Served(["coinbase", "--tls", "\(cert),\(key)"])
        #expect(try served.get("/products", ["--cacert", cert], scheme: "https").text.hasPrefix("[{\"id\":\"BTC-USD\""))
        let listener = try Listener("wss://127.0.0.1:\(served.port)/", [#"{"type":"subscribe","channel":"heartbeats"}"#], trust: cert)
        defer { listener.close() }
        #expect(listener.wait { $0.count > 0 }.texts.first?.contains("\"subscriptions\":{\"heartbeats\":[\"heartbeats\"]}") == true)
    }

    @Test func endsAfterTheLastTradeWhenToldTo() throws {
        let served = try Served(["binance", "--trades", "50", "--rate", "max", "--linger", "300ms", "--stats", "--symbols", "ETHUSDT"])
        let listener = try Listener("ws://127.0.0.1:\(served.port)/ws/ethusdt@trade")
        defer { listener.close() }
        #expect(listener.wait { _ in false }.texts.count == 50)
        let result = try served.tool.finish()
        #expect(result.status == 0 && result.stderr.contains("\"trades\":50,\"messages\":50,"))
    }

    @Test(arguments: [
        (["bitstamp"], #"exchange: expected one of binance, kraken, coinbase, found "bitstamp""#),
        (["kraken", "--rate", "fast"], #"--rate: expected max or a number, found "fast""#),
        (["kraken", "--listen", "9001"], #"--listen: expected HOST:PORT, found "9001""#),
        (["kraken", "--tls", "cert.pem"], #"--tls: expected CERT,KEY, found "cert.pem""#),
        (["kraken", "--faults", "drop=1"], #"--faults: drop takes no argument, found "1""#),
        (["kraken", "--fault-every", "2h"], "--fault-every: expected 1ms to 1h"),
    ])
    func wrongUsageIs64(_ arguments: [String], _ message: String) throws {
        let result = try ToolProcess.run("k2-sim", ["serve"] + arguments)
        #expect(result.status == 64 && result.stderr == "k2-sim: \(message)\n")
    }
}
