import K2WebSocket

/// One connection of a live capture: the socket, and what its records say of it.
final class LiveLink: WebSocketDelegate {
    let id: Int
    /// Index of the plan that it belongs to.
    let plan: Int
    /// Four hex digits, the `connection` of its records.
    let tag: [UInt8]
    var sequence: UInt64 = 0
    /// The exchange's count of messages, of the last one that carried it.
    var lastNumber: UInt64?
    var socket: WebSocket?
    // Strong: sockets tell of their end after the capture has ended.
    private let capture: LiveCapture

    init(id: Int, plan: Int, capture: LiveCapture) {
        self.id = id
        self.plan = plan
        self.capture = capture
        tag = (0..<4).map { _ in Array("0123456789abcdef".utf8)[Int.random(in: 0..<16)] }
    }

    func webSocketOpened(_ socket: WebSocket) { capture.opened(self) }

    func webSocket(_ socket: WebSocket, received message: UnsafeRawBufferPointer, isText: Bool) {
        capture.received(message, on: self)
    }

    func webSocketDrained(_ socket: WebSocket) { capture.drained() }
    func webSocketHeardPing(_ socket: WebSocket) { capture.heard(self) }
    func webSocketHeardPong(_ socket: WebSocket) { capture.heard(self) }
    func webSocket(_ socket: WebSocket, ended reason: WebSocketEnd) { capture.ended(self, reason) }
}
