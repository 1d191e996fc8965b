import NIOCore

/// The end of a client's pipeline: passes on to its socket, whatever the phase.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let socket: WebSocket

    init(_ socket: WebSocket) { self.socket = socket }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { socket.received(unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) { socket.drained() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        socket.failed(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { socket.disconnected() }
}
