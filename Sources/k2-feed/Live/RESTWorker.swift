import K2CLI
import K2Domain
import K2Exchanges
import K2HTTP
import K2WebSocket

/// What came of a GET request.
enum RESTAnswer: Sendable {
    case response(status: Int, body: [UInt8], retryAfter: Int64?)
    case failed(String)
}

/// Sends REST requests one after the other on a loop of its own, so that waiting holds nothing up.
final class RESTWorker: @unchecked Sendable {
    private let base: String
    private let feed: any ExchangeFeed
    private let client: HTTPClient
    private let worker: IOLoop
    private let loop: IOLoop
    private let abortFlag: AbortFlag

    /// - Parameter base: `https://host`, without a path.
    init(base: String, feed: any ExchangeFeed, client: HTTPClient, worker: IOLoop, loop: IOLoop, abort: AbortFlag) {
        self.base = base
        self.feed = feed
        self.client = client
        self.worker = worker
        self.loop = loop
        abortFlag = abort
    }

    /// Calls `done` on the loop with the answer.
    func get(_ request: RESTRequest, _ done: @escaping (RESTAnswer) -> Void) {
        let finish = LoopBound(done)
        let (url, headers) = (base + request.target, feed.restHeaders)
        worker.run { [self] in
            let answer = Self.fetch(url, headers, client)
            loop.run { finish.body(answer) }
        }
    }

    /// Calls `done` on the loop with the exchange's instruments.
    func list(_ done: @escaping (Result<InstrumentList, ToolFailure>) -> Void) {
        let finish = LoopBound(done)
        worker.run { [self] in
            let list: Result<InstrumentList, ToolFailure>
            do throws(ToolFailure) { list = .success(try InstrumentList.fetch(feed, base: base, client)) } catch { list = .failure(error) }
            loop.run { finish.body(list) }
        }
    }

    /// The same, waited for: before the loop has anything to do.
    static func fetch(_ url: String, _ headers: [(name: String, value: String)], _ client: HTTPClient) -> RESTAnswer {
        do throws(HTTPError) {
            let response = try client.get(encoded(url), headers: [("Accept", "application/json"), ("Cache-Control", "no-cache")] + headers.map { ($0.name, $0.value) })
            let wait = response.retryAfter(now: Int(WallClock.now().microseconds / 1_000_000))
            return .response(status: response.status, body: response.body, retryAfter: wait.map { Int64(min($0, 86_400)) * 1_000_000 })
        } catch {
            return .failed("\(error)")
        }
    }

    /// Symbols may have any characters: all but ASCII's printable ones are percent-encoded (RFC 3986, section 2.1).
    private static func encoded(_ url: String) -> String {
        if url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }) { return url }
        var text = ""
        for byte in url.utf8 {
            let isPlain = byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"")
            text += isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        return text
    }

    /// Ends a request that is under way.
    func abort() { abortFlag.set() }
}
