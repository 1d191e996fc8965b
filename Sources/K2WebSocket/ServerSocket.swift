import NIOCore

/// What a `ServerSocket` tells, on its loop. It is retained until the end.
public protocol ServerSocketDelegate: AnyObject {
    func serverSocketOpened(_ socket: ServerSocket)
    /// One whole message, fragments joined; the bytes are valid during the call only.
    func serverSocket(_ socket: ServerSocket, received message: UnsafeRawBufferPointer, isText: Bool)
    /// The pong is on its way already.
    func serverSocketHeardPing(_ socket: ServerSocket)
    func serverSocketHeardPong(_ socket: ServerSocket)
    /// `isWritable` was false and is true again.
    func serverSocketWritable(_ socket: ServerSocket)
    /// Called exactly once; nothing is called afterwards.
    func serverSocketEnded(_ socket: ServerSocket)
}

extension ServerSocketDelegate {
    public func serverSocketOpened(_ socket: ServerSocket) {}
    public func serverSocket(_ socket: ServerSocket, received message: UnsafeRawBufferPointer, isText: Bool) {}
    public func serverSocketHeardPing(_ socket: ServerSocket) {}
    public func serverSocketHeardPong(_ socket: ServerSocket) {}
    public func serverSocketWritable(_ socket: ServerSocket) {}
    public func serverSocketEnded(_ socket: ServerSocket) {}
}

/// The server's side of one WebSocket connection (RFC 6455). What is sent gathers in one buffer until `flush`; after the
/// end, sending does nothing.
///
/// Sendable although unchecked: it is confined to its loop, which every call checks.
public final class ServerSocket: @unchecked Sendable {
    private enum Phase { case open, closing, ended }

    private let loop: IOLoop
    private let channel: any Channel
    private var delegate: (any ServerSocketDelegate)?
    private var phase = Phase.open
    private var messages = MessageReader(isMasked: true, limit: 16 << 20)
    private var queued: ByteBuffer
    /// Bytes that were flushed and are not with the system yet.
    private var flushed = 0
    private var isFull = false
    private var deadline: LoopTimer?

    /// Bytes waiting at which `isWritable` turns false, and to which they must sink for it to turn true.
    private static let highWater = 1 << 20
    private static let lowWater = 1 << 19
    private static let closeTimeout: Int64 = 2_000_000

    init(_ channel: any Channel, on loop: IOLoop, delegate: any ServerSocketDelegate) {
        self.channel = channel
        self.loop = loop
        self.delegate = delegate
        queued = channel.allocator.buffer(capacity: 4096)
    }

    /// False from more than 1 MiB waiting, queued or flushed, until less than half of that waits. Sending goes on regardless.
    public var isWritable: Bool { !isFull }

    /// Queues one text message.
    public func send(text: UnsafeRawBufferPointer) {
        guard canSend() else { return }
        queued.writeFrame(.text, text)
        noteGrowth()
    }

    public func send(text: [UInt8]) { text.withUnsafeBytes { send(text: $0) } }

    /// Queues one text message in several frames.
    public func send(fragments: [[UInt8]]) {
        guard canSend() else { return }
        for (index, fragment) in fragments.enumerated() {
            let isFinal = index == fragments.count - 1
            fragment.withUnsafeBytes { queued.writeFrame(index == 0 ? .text : .continuation, $0, isFinal: isFinal) }
        }
        noteGrowth()
    }

    /// Queues bytes for the wire as they are: no frame is made.
    public func sendRaw(_ bytes: [UInt8]) {
        guard canSend() else { return }
        queued.writeBytes(bytes)
        noteGrowth()
    }

    /// Queues a ping; at most 125 bytes of payload are sent.
    public func ping(_ payload: [UInt8]) {
        guard canSend() else { return }
        payload.prefix(125).withUnsafeBytes { queued.writeFrame(.ping, $0) }
        noteGrowth()
    }

    /// Writes what is queued.
    public func flush() {
        precondition(loop.isCurrent, "ServerSocket off its loop")
        let count = queued.readableBytes
        guard phase != .ended, count > 0 else { return }
        let written = channel.writeAndFlush(queued)
        // Uses the same memory again when the system has taken it all.
        queued.clear()
        flushed += count
        written.whenComplete { _ in self.written(count) }
    }

    /// Sends what is queued and a close frame, and ends when the client has answered, after 2 s at most. The reason is cut to 123 bytes.
    public func close(code: UInt16, reason: String) {
        precondition(loop.isCurrent, "ServerSocket off its loop")
        guard phase == .open else { return }
        goodbye(code, reason)
        phase = .closing
        deadline = loop.schedule(after: Self.closeTimeout) { self.end() }
    }

    /// Ends the connection at once, with a reset when the system can; what is queued is lost. The end is told in a later turn of the loop.
    public func drop() {
        precondition(loop.isCurrent, "ServerSocket off its loop")
        guard phase != .ended else { return }
        channel.cut(withReset: true)
        end()
    }

    /// Reads no more, so that the client's messages pile up, until `startReading`. The end of the client is not noticed meanwhile.
    public func stopReading() { setReading(false) }

    public func startReading() { setReading(true) }

    private func setReading(_ isReading: Bool) {
        precondition(loop.isCurrent, "ServerSocket off its loop")
        if phase != .ended { try? channel.syncOptions?.setOption(.autoRead, value: isReading) }
    }

    @inline(__always)
    private func canSend() -> Bool {
        precondition(loop.isCurrent, "ServerSocket off its loop")
        return phase == .open
    }

    @inline(__always)
    private func noteGrowth() {
        if flushed + queued.readableBytes > Self.highWater { isFull = true }
    }

    private func written(_ count: Int) {
        flushed -= count
        guard isFull, flushed + queued.readableBytes <= Self.lowWater else { return }
        isFull = false
        // In a later turn: this may run inside `flush`.
        loop.run { if self.phase == .open, !self.isFull { self.delegate?.serverSocketWritable(self) } }
    }
}

// What the pipeline tells.
extension ServerSocket {
    func opened() { delegate?.serverSocketOpened(self) }

    func received(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { bytes in
            var input = bytes
            while phase != .ended {
                do throws(WireError) {
                    guard let event = try messages.next(&input) else { return }
                    handle(event)
                } catch {
                    if phase == .open { goodbye(error.code, error.message) }
                    return end()
                }
            }
        }
    }

    private func handle(_ event: WireEvent) {
        switch event {
        case .message(let bytes, let isText): delegate?.serverSocket(self, received: bytes, isText: isText)
        case .ping(let payload):
            // A client that pings but does not read would have us pile up pongs.
            if phase == .open, isWritable {
                queued.writeFrame(.pong, payload)
                flush()
            }
            delegate?.serverSocketHeardPing(self)
        case .pong: delegate?.serverSocketHeardPong(self)
        case .close(let code, _):
            if phase == .open { goodbye(code, "") }
            end()
        }
    }

    private func goodbye(_ code: UInt16?, _ reason: String) {
        FrameWriter.closePayload(code, reason).withUnsafeBytes { queued.writeFrame(.close, $0) }
        flush()
    }

    /// Closes the connection behind what is written, and tells the delegate.
    func end() {
        guard phase != .ended else { return }
        phase = .ended
        deadline?.cancel()
        deadline = nil
        channel.close(promise: nil)
        loop.run {
            let delegate = self.delegate
            self.delegate = nil
            delegate?.serverSocketEnded(self)
        }
    }
}

/// The end of a server's pipeline behind the upgrade: passes on to its socket.
final class ServerSocketHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let socket: ServerSocket

    init(_ socket: ServerSocket) { self.socket = socket }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { socket.received(unwrapInboundIn(data)) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { socket.end() }

    func channelInactive(context: ChannelHandlerContext) { socket.end() }
}
