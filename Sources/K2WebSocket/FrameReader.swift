/// What the peer did against the protocol: the code to close with (RFC 6455, section 7.4.1) and one line.
struct WireError: Error, Equatable {
    var code: UInt16
    var message: String

    static func broken(_ message: String) -> WireError { WireError(code: 1002, message: message) }
    static func badText(_ message: String) -> WireError { WireError(code: 1007, message: message) }
    static func tooLarge(_ bytes: UInt64, limit: Int) -> WireError {
        WireError(code: 1009, message: "message of \(bytes) bytes or more: larger than the limit of \(limit)")
    }
}

/// What a frame holds (RFC 6455, section 5.2).
enum Opcode: UInt8 {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue >= 8 }
}

/// The first bytes of a frame (RFC 6455, section 5.2).
struct FrameHeader {
    var opcode: Opcode
    var isFinal: Bool
    /// The masking key in the order of the wire; nil: not masked.
    var key: (UInt8, UInt8, UInt8, UInt8)?
    /// Bytes of the header, key included: 2 to 14.
    var size: Int
    /// Bytes of the payload.
    var payload: Int

    var frame: Int { size + payload }

    /// nil when bytes of the header are missing.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer, isMasked: Bool, limit: Int) throws(WireError) {
        guard bytes.count >= 2 else { return nil }
        let (first, second) = (bytes[0], bytes[1])
        guard first & 0x70 == 0, let opcode = Opcode(rawValue: first & 0x0f) else { throw Self.reserved(first) }
        guard (second & 0x80 != 0) == isMasked else {
            throw .broken(isMasked ? "frame of a client that is not masked" : "masked frame from a server")
        }
        isFinal = first & 0x80 != 0
        self.opcode = opcode
        let short = Int(second & 0x7f)
        if opcode.isControl, !isFinal || short > 125 { throw .broken("control frame that is fragmented or longer than 125 bytes") }
        let lengthBytes = short < 126 ? 0 : short == 126 ? 2 : 8
        size = 2 + lengthBytes + (isMasked ? 4 : 0)
        guard bytes.count >= size else { return nil }
        payload = lengthBytes == 0 ? short : try Self.long(bytes, lengthBytes, limit)
        if payload > limit { throw .tooLarge(UInt64(payload), limit: limit) }
        key = isMasked ? (bytes[size - 4], bytes[size - 3], bytes[size - 2], bytes[size - 1]) : nil
    }

    private static func long(_ bytes: UnsafeRawBufferPointer, _ count: Int, _ limit: Int) throws(WireError) -> Int {
        let length = bytes[2..<2 + count].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length >= (count == 2 ? 126 : 1 << 16), length >> 63 == 0 else { throw .broken("frame length that is not in its shortest form") }
        guard length <= UInt64(limit) else { throw .tooLarge(length, limit: limit) }
        return Int(length)
    }

    private static func reserved(_ first: UInt8) -> WireError {
        first & 0x70 != 0 ? .broken("frame with reserved bits set") : .broken("frame with unknown opcode \(first & 0x0f)")
    }
}

/// Cuts a byte stream into frames. A frame that one input holds whole is handed out where it lies; one that arrives in
/// pieces is put together first, and a masked one is copied to be unmasked.
///
/// It keeps at most one frame: `limit` bytes and its header.
struct FrameReader: ~Copyable {
    /// A frame; `payload` stays valid until the next call, and no longer than the input.
    struct Frame {
        var opcode: Opcode
        var isFinal: Bool
        var payload: UnsafeRawBufferPointer
    }

    private let isMasked: Bool
    private let limit: Int
    private var kept = ByteStore()
    private var isHandedOut = false

    /// - Parameters:
    ///   - isMasked: whether the peer is a client, whose frames must be masked.
    ///   - limit: bytes of payload that a frame may have.
    init(isMasked: Bool, limit: Int) {
        self.isMasked = isMasked
        self.limit = limit
    }

    /// The next frame; nil when the rest of it is still to come. Takes from the front of `input` what it used.
    @inline(__always)
    mutating func next(_ input: inout UnsafeRawBufferPointer) throws(WireError) -> Frame? {
        if isHandedOut {
            kept.clear()
            isHandedOut = false
        }
        if kept.count == 0, !isMasked {
            if let header = try FrameHeader(input, isMasked: false, limit: limit), header.frame <= input.count {
                let payload = UnsafeRawBufferPointer(rebasing: input[header.size..<header.frame])
                input = UnsafeRawBufferPointer(rebasing: input[header.frame...])
                return Frame(opcode: header.opcode, isFinal: header.isFinal, payload: payload)
            }
            if input.isEmpty { return nil }
        }
        return try completed(&input)
    }

    /// Takes from `input` only what the frame in `kept` still needs.
    private mutating func completed(_ input: inout UnsafeRawBufferPointer) throws(WireError) -> Frame? {
        while true {
            let header = try FrameHeader(UnsafeRawBufferPointer(kept.bytes), isMasked: isMasked, limit: limit)
            let missing = (header?.frame ?? kept.count + 1) - kept.count
            if let header, missing <= 0 { return handOut(header) }
            if input.isEmpty { return nil }
            let taken = min(missing, input.count)
            kept.append(UnsafeRawBufferPointer(rebasing: input[..<taken]))
            input = UnsafeRawBufferPointer(rebasing: input[taken...])
        }
    }

    private mutating func handOut(_ header: FrameHeader) -> Frame {
        isHandedOut = true
        let payload = UnsafeMutableRawBufferPointer(rebasing: kept.bytes[header.size..<header.frame])
        if let key = header.key { FrameMask.apply(key, to: payload) }
        return Frame(opcode: header.opcode, isFinal: header.isFinal, payload: UnsafeRawBufferPointer(payload))
    }
}

/// Masking of clients (RFC 6455, section 5.3); doing it twice undoes it.
enum FrameMask {
    typealias Key = (UInt8, UInt8, UInt8, UInt8)

    static func apply(_ key: Key, to bytes: UnsafeMutableRawBufferPointer) {
        let word = withUnsafeBytes(of: (key, key)) { $0.loadUnaligned(as: UInt64.self) }
        var at = 0
        while at + 8 <= bytes.count {
            bytes.storeBytes(of: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) ^ word, toByteOffset: at, as: UInt64.self)
            at += 8
        }
        withUnsafeBytes(of: key) { key in
            while at < bytes.count {
                bytes[at] ^= key[at & 3]
                at += 1
            }
        }
    }
}
