/// What a peer sent. The bytes stay valid until the next call of the reader, and no longer than its input.
enum WireEvent {
    case message(UnsafeRawBufferPointer, isText: Bool)
    case ping(UnsafeRawBufferPointer)
    case pong
    /// code nil: the frame was empty.
    case close(code: UInt16?, reason: String)
}

/// Joins frames to messages and checks what RFC 6455 asks of them (sections 5.4 to 5.6, 7.4, 8.1).
///
/// It keeps at most `limit` bytes of fragments and one frame of `limit` bytes.
struct MessageReader: ~Copyable {
    private var frames: FrameReader
    private let limit: Int
    private var joined = ByteStore()
    /// The message of which fragments are in `joined`; nil: between messages.
    private var opened: Opcode?

    init(isMasked: Bool, limit: Int) {
        frames = FrameReader(isMasked: isMasked, limit: limit)
        self.limit = limit
    }

    /// The next message or control frame in `input`; nil when all of it is used up.
    @inline(__always)
    mutating func next(_ input: inout UnsafeRawBufferPointer) throws(WireError) -> WireEvent? {
        while let frame = try frames.next(&input) {
            if frame.isFinal, opened == nil, frame.opcode == .text || frame.opcode == .binary {
                return try Self.message(frame.payload, frame.opcode)
            }
            if let event = try other(frame) { return event }
        }
        return nil
    }

    /// Control frames and fragments; nil when the message goes on.
    private mutating func other(_ frame: FrameReader.Frame) throws(WireError) -> WireEvent? {
        switch frame.opcode {
        case .ping: return .ping(frame.payload)
        case .pong: return .pong
        case .close: return try Self.close(frame.payload)
        case .text, .binary:
            guard opened == nil else { throw .broken("new message before the end of a fragmented one") }
            joined.clear()
            opened = frame.opcode
        case .continuation:
            guard opened != nil else { throw .broken("continuation of no message") }
        }
        guard joined.count + frame.payload.count <= limit else {
            throw .tooLarge(UInt64(joined.count + frame.payload.count), limit: limit)
        }
        joined.append(frame.payload)
        guard frame.isFinal, let opcode = opened else { return nil }
        opened = nil
        return try Self.message(UnsafeRawBufferPointer(joined.bytes), opcode)
    }

    @inline(__always)
    private static func message(_ bytes: UnsafeRawBufferPointer, _ opcode: Opcode) throws(WireError) -> WireEvent {
        guard opcode == .text else { return .message(bytes, isText: false) }
        guard UTF8Text.isValid(bytes) else { throw .badText("text message that is not UTF-8") }
        return .message(bytes, isText: true)
    }

    private static func close(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> WireEvent {
        if bytes.isEmpty { return .close(code: nil, reason: "") }
        guard bytes.count >= 2 else { throw .broken("close frame of one byte") }
        let code = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        guard isSendable(code) else { throw .broken("close frame with code \(code), which may not be sent") }
        guard let reason = String(validating: bytes[2...], as: UTF8.self) else { throw .badText("close reason that is not UTF-8") }
        return .close(code: code, reason: reason)
    }

    /// Section 7.4: 1004 to 1006 and 1015 never stand in a frame, 1016 to 2999 are not given out yet.
    static func isSendable(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

enum UTF8Text {
    @inline(__always)
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        isASCII(bytes) || (try? UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)) != nil
    }

    /// Eight bytes a step: nearly all that exchanges send is ASCII.
    @inline(__always)
    private static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var all: UInt64 = 0
        var at = 0
        while at + 8 <= bytes.count {
            all |= bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            at += 8
        }
        while at < bytes.count {
            all |= UInt64(bytes[at])
            at += 1
        }
        return all & 0x8080_8080_8080_8080 == 0
    }
}
