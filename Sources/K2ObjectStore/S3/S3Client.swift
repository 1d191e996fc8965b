import K2HTTP
import K2Retry
import Synchronization

/// Sends requests until one is answered for good: signs each try anew, waits between them, and says what a failure means.
final class S3Client: Sendable {
    let options: S3Options
    let endpoint: S3Endpoint
    let clock: StoreClock
    private let clients = ClientPool()

    init(_ options: S3Options, clock: StoreClock) throws(StoreError) {
        self.options = options
        endpoint = try S3Endpoint(options)
        self.clock = clock
    }

    /// The answer, whose status is one of success.
    ///
    /// - Parameters:
    ///   - location: for messages.
    ///   - action: what is tried, one word.
    ///   - problem: what is wrong with an answer in spite of its status; nil for nothing.
    func send(
        _ request: S3Request, at location: String, _ action: String, problem: (HTTPResponse) -> S3Failure? = { _ in nil }
    ) throws(S3Failure) -> HTTPResponse {
        var retries = S3Retries(self)
        var (mayHaveHappened, isUnanswered) = (false, false)
        while true {
            var failure: S3Failure
            do throws(S3Failure) {
                let answer = try sendOnce(request, at: location, action)
                guard let found = problem(answer) else { return answer }
                failure = found
            } catch { failure = error }
            mayHaveHappened = mayHaveHappened || failure.mayHaveHappened
            isUnanswered = isUnanswered || failure.isUnanswered
            (failure.mayHaveHappened, failure.isUnanswered) = (mayHaveHappened, isUnanswered)
            guard failure.isTransient else { throw failure }
            guard retries.wait(atLeast: failure.retryAfter) else {
                failure.error.reason += retries.count > 1 ? " (gave up after \(retries.count) tries)" : ""
                throw failure
            }
        }
    }

    private func sendOnce(_ request: S3Request, at location: String, _ action: String) throws(S3Failure) -> HTTPResponse {
        let answer: HTTPResponse
        do throws(HTTPError) {
            answer = try clients.use { client throws(HTTPError) in
                client.options = httpOptions(request)
                return try client.perform(request.signed(options, endpoint, at: clock.now()))
            }
        } catch { throw S3Failure(error, at: location, action) }
        guard (200..<300).contains(answer.status) else { throw S3Failure(answer, at: location, action, now: clock.now()) }
        return answer
    }

    private func httpOptions(_ request: S3Request) -> HTTPOptions {
        var http = options.http
        http.maxBodyBytes = request.maxAnswerBytes
        // Objects are what was put: one that is stored compressed must not be opened on the way.
        http.acceptsGzip = false
        switch request.patience {
        case .short: break
        case .bytes: http.totalTimeout = 0
        case .long:
            http.totalTimeout = 600_000
            http.lowSpeedBytes = 0
        }
        return http
    }

    var isAborted: Bool { options.http.abort?.isSet == true }
}

/// The tries of one undertaking: how many there were, and whether another may be made.
struct S3Retries {
    private let client: S3Client
    private let start: Int64
    private var backoff: Backoff
    /// Tries that have failed.
    private(set) var count = 0

    init(_ client: S3Client) {
        self.client = client
        start = client.clock.steady()
        backoff = Backoff(client.options.retryDelay)
    }

    /// Waits before the next try; false when there shall be none.
    /// - Parameter seconds: asked for by the server.
    mutating func wait(atLeast seconds: Int? = nil) -> Bool {
        count += 1
        guard count < client.options.maxTries else { return false }
        let asked = Int64(min(seconds ?? 0, 3_600)) * 1_000_000
        let delay = max(backoff.fail(random: client.clock.random()), asked)
        guard client.clock.steady() - start + delay <= client.options.maxRetryTime else { return false }
        // In short pieces, so that an abort is seen.
        var left = delay
        while left > 0, !client.isAborted {
            client.clock.sleep(min(left, 200_000))
            left -= 200_000
        }
        return !client.isAborted
    }
}

/// Clients that wait for their next request, with their connections.
private final class ClientPool: Sendable {
    /// A client is in the pool or in the hands of one thread, never both.
    private struct Idle: @unchecked Sendable { let client: HTTPClient }
    private let idle = Mutex<[Idle]>([])
    private static let maxIdle = 8

    func use<R>(_ body: (HTTPClient) throws(HTTPError) -> R) throws(HTTPError) -> R {
        let taken = idle.withLock { $0.popLast() } ?? Idle(client: HTTPClient())
        defer { idle.withLock { if $0.count < Self.maxIdle { $0.append(taken) } } }
        return try body(taken.client)
    }
}
