import K2Bytes
import K2CLI
import K2Simulator
import K2WebSocket

/// Gives a `SimulatedExchange` sockets and a clock.
///
/// Sendable although unchecked: it is confined to `loop`, on which everything but `init` is called.
final class ExchangeServer: HTTPService, @unchecked Sendable {
    let loop: IOLoop
    private let clock = SteadyClock()
    private var exchange: SimulatedExchange
    private var truth: TruthFile?
    private var sockets: [Int: ServedSocket] = [:]
    private var nextNumber = 0
    private var isStepping = false
    private var heldBackSince: Int64?
    private var finishedAt: Int64?
    /// Why the truth cannot be written.
    private(set) var failure: (any Error)?

    private static let tick: Int64 = 2_000

    init(_ plan: ServePlan, on loop: IOLoop, truthFile: String?) throws {
        self.loop = loop
        exchange = SimulatedExchange(plan, at: clock.now)
        if let truthFile { truth = try TruthFile(path: truthFile) }
    }

    func start() { loop.every(Self.tick) { [self] in step() } }

    /// The last line of a run.
    var counts: ServeCounts { exchange.counts }

    /// Whether all trades are sent, and so many µs have gone by since.
    func isDone(after linger: Int64) -> Bool { finishedAt.map { clock.now - $0 >= linger } ?? false }

    /// Writes the rest of the truth.
    func finish() throws {
        if let failure { throw failure }
        try truth?.write(exchange.truth)
        exchange.clearTruth()
        try truth?.finish()
    }

    // Time.

    /// Lets the exchange go on, and again at once when it is behind and the readers take what it sends.
    func step() {
        // A send may call back.
        if isStepping { return }
        isStepping = true
        let now = clock.now
        let isHeldBack = sockets.values.contains { $0.holdsBack }
        note(isHeldBack, at: now)
        let isBehind = exchange.advance(to: now, isHeldBack: isHeldBack)
        carryOut()
        if finishedAt == nil, exchange.isFinished { finishedAt = now }
        isStepping = false
        if isBehind { loop.run { [self] in step() } }
    }

    private func note(_ isHeldBack: Bool, at now: Int64) {
        if let since = heldBackSince { exchange.heldBack += now - since }
        heldBackSince = isHeldBack ? now : nil
    }

    private func carryOut() {
        writeTruth()
        exchange.takeActions { action, bytes in sockets[action.connection]?.perform(action, bytes) }
        for socket in sockets.values { socket.flush() }
    }

    private func writeTruth() {
        guard failure == nil, truth != nil, exchange.truth.count > 0 else { return }
        do {
            try truth?.write(exchange.truth)
            try truth?.finish()
        } catch { failure = error }
        exchange.clearTruth()
    }

    // Connections.

    func acceptWebSocket(_ request: ServerRequest) -> WebSocketAcceptance {
        if let refusal = exchange.admit(request.target, at: clock.now) { return .refuse(Self.reply(refusal)) }
        nextNumber += 1
        return .accept(ServedSocket(nextNumber, target: request.target, server: self))
    }

    func opened(_ socket: ServedSocket) {
        sockets[socket.number] = socket
        exchange.opened(socket.number, target: socket.target, at: clock.now)
        step()
    }

    func received(_ socket: ServedSocket, _ text: [UInt8]) {
        exchange.received(socket.number, text: text, at: clock.now)
        step()
    }

    func heardPing(_ socket: ServedSocket) { exchange.heardPing(socket.number, at: clock.now) }
    func heardPong(_ socket: ServedSocket) { exchange.heardPong(socket.number, at: clock.now) }

    func ended(_ socket: ServedSocket) {
        sockets[socket.number] = nil
        exchange.closed(socket.number, at: clock.now)
    }

    // Requests.

    func handle(_ request: ServerRequest, _ handle: ReplyHandle) {
        let headers = request.headers.map { (name: $0.0, value: $0.1) }
        let answer = exchange.request(ServeRequest(request.target, method: request.method, headers: headers), at: clock.now)
        let reply = Self.reply(answer)
        switch answer.delivery {
        case .whole: handle.send(reply)
        case .drop: handle.drop()
        case .part(let count): handle.sendPart(reply, bytes: count)
        case .late(let time): loop.schedule(after: time) { handle.send(reply) }
        }
        carryOut()
    }

    private static func reply(_ reply: ServeReply) -> ServerReply {
        ServerReply(status: reply.status, headers: reply.headers.map { ($0.name, $0.value) }, body: reply.body)
    }
}
