import K2Simulator
import K2WebSocket

/// One WebSocket connection of the simulated exchange: passes what it hears on, and carries out what the exchange does.
///
/// Sendable although unchecked: it is confined to the loop of its server.
final class ServedSocket: ServerSocketDelegate, @unchecked Sendable {
    let number: Int
    let target: String
    private unowned let server: ExchangeServer
    private(set) var socket: ServerSocket?
    /// Frozen or half-open: nothing goes out.
    private var isMute = false
    /// While bytes trickle: what waits, and how much of it is gone.
    private var trickle: (bytes: [UInt8], sent: Int)?

    private static let trickleInterval: Int64 = 50_000
    private static let trickleBytes = 100
    /// What a slow connection may pile up before it is cut.
    private static let trickleLimit = 64 << 20

    init(_ number: Int, target: String, server: ExchangeServer) {
        self.number = number
        self.target = target
        self.server = server
    }

    /// Whether the market has to wait for this reader.
    var holdsBack: Bool { !isMute && trickle == nil && socket?.isWritable == false }

    func serverSocketOpened(_ socket: ServerSocket) {
        self.socket = socket
        server.opened(self)
    }

    func serverSocket(_ socket: ServerSocket, received message: UnsafeRawBufferPointer, isText: Bool) {
        server.received(self, Array(message))
    }

    func serverSocketHeardPing(_ socket: ServerSocket) { server.heardPing(self) }
    func serverSocketHeardPong(_ socket: ServerSocket) { server.heardPong(self) }
    func serverSocketWritable(_ socket: ServerSocket) { server.step() }

    func serverSocketEnded(_ socket: ServerSocket) {
        self.socket = nil
        server.ended(self)
    }

    /// Does what the exchange wants; `bytes` holds the texts that `action` names.
    func perform(_ action: ServeAction, _ bytes: UnsafeRawBufferPointer) {
        guard let socket else { return }
        switch action {
        case .drop: socket.drop()
        case _ where isMute: break
        case .text(_, let range):
            if trickle == nil { socket.send(text: UnsafeRawBufferPointer(rebasing: bytes[range])) } else { pile(0x81, bytes[range]) }
        case .fragments(_, let range): sendFragments(Array(bytes[range]), socket)
        case .raw(_, let range):
            if trickle == nil { socket.sendRaw(Array(bytes[range])) } else { trickle?.bytes.append(contentsOf: bytes[range]) }
        case .ping(_, let range): if trickle == nil { socket.ping(Array(bytes[range])) } else { pile(0x89, bytes[range]) }
        case .close(_, let code, let reason):
            endTrickle()
            socket.close(code: code, reason: reason.description)
        case .freeze, .halfOpen: mute(socket)
        case .slow(_, let time): slow(for: time, socket)
        }
    }

    func flush() { if !isMute { socket?.flush() } }

    /// The server answers pings by itself, so a connection that must not can no longer read either.
    private func mute(_ socket: ServerSocket) {
        socket.flush()
        socket.stopReading()
        isMute = true
        trickle = nil
    }

    /// The first byte, none, and two halves: every place where a frame can end.
    private func sendFragments(_ text: [UInt8], _ socket: ServerSocket) {
        guard trickle == nil else { return text.withUnsafeBytes { pile(0x81, $0[...]) } }
        let middle = max(text.count / 2, 1)
        socket.send(fragments: [Array(text.prefix(1)), [], Array(text[min(1, text.count)..<min(middle, text.count)]), Array(text.dropFirst(middle))])
    }

    // Trickling.

    private func slow(for time: Int64, _ socket: ServerSocket) {
        guard trickle == nil else { return }
        socket.flush()
        // A pong would land inside a frame that is half sent.
        socket.stopReading()
        trickle = ([], 0)
        let timer = server.loop.every(Self.trickleInterval) { [self] in sendTrickle(Self.trickleBytes) }
        server.loop.schedule(after: time) { [self] in
            timer.cancel()
            endTrickle()
        }
    }

    private func sendTrickle(_ count: Int) {
        guard let waiting = trickle, waiting.sent < waiting.bytes.count else { return }
        let end = min(waiting.sent + count, waiting.bytes.count)
        socket?.sendRaw(Array(waiting.bytes[waiting.sent..<end]))
        socket?.flush()
        trickle?.sent = end
    }

    private func endTrickle() {
        guard trickle != nil else { return }
        sendTrickle(.max / 2)
        trickle = nil
        if !isMute { socket?.startReading() }
    }

    /// Appends a whole frame. Source: RFC 6455, section 5.2.
    private func pile(_ head: UInt8, _ payload: Slice<UnsafeRawBufferPointer>) {
        guard trickle != nil else { return }
        let count = payload.count
        var frame = [head]
        switch count {
        case ..<126: frame.append(UInt8(count))
        case ..<65_536: frame += [126, UInt8(count >> 8), UInt8(count & 255)]
        default: frame += [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - $0 * 8)) }
        }
        trickle?.bytes += frame
        trickle?.bytes.append(contentsOf: payload)
        if let waiting = trickle, waiting.bytes.count - waiting.sent > Self.trickleLimit { socket?.drop() }
    }
}
