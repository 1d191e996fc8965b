import NIOCore

/// Frames in and out of the open WebSocket.
extension WebSocket {
    /// Bytes of the peer, of which TLS is already taken off.
    func received(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { bytes in
            var input = bytes
            if phase == .tunnelling || phase == .upgrading { readHead(&input) }
            readMessages(&input)
        }
    }

    func drained() {
        if phase == .open || phase == .closing { delegate?.webSocketDrained(self) }
    }

    private func readMessages(_ input: inout UnsafeRawBufferPointer) {
        // The delegate may end the socket in any call.
        while phase == .open || phase == .closing {
            do throws(WireError) {
                guard let event = try messages.next(&input) else { return }
                handle(event)
            } catch { return refuse(error) }
        }
    }

    @inline(__always)
    private func handle(_ event: WireEvent) {
        switch event {
        case .message(let bytes, let isText): delegate?.webSocket(self, received: bytes, isText: isText)
        case .ping(let payload): heardPing(payload)
        case .pong: delegate?.webSocketHeardPong(self)
        case .close(let code, let reason): heardClose(code, reason)
        }
    }

    private func heardPing(_ payload: UnsafeRawBufferPointer) {
        // A peer that pings but does not read would have us pile up pongs.
        if phase == .open, channel?.isWritable == true { write(.pong, payload) }
        delegate?.webSocketHeardPing(self)
    }

    private func heardClose(_ code: UInt16?, _ reason: String) {
        if phase == .open { writeClose(code) }
        end(.closed(code: code, reason: reason))
    }

    private func refuse(_ error: WireError) {
        if phase == .open { writeClose(error.code) }
        end(.protocolError(error.message))
    }

    func writeClose(_ code: UInt16?) {
        FrameWriter.closePayload(code, "").withUnsafeBytes { write(.close, $0) }
    }

    /// The key is new and random for every frame (RFC 6455, section 5.3).
    func write(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
        guard let channel else { return }
        var buffer = channel.allocator.buffer(capacity: payload.count + FrameWriter.longestHeader)
        buffer.writeMaskedFrame(opcode, payload, key: UInt32.random(in: 0...UInt32.max))
        channel.writeAndFlush(buffer).whenFailure { self.failed($0) }
    }
}
