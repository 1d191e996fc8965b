import NIOCore

extension ByteBuffer {
    /// Appends one frame as a server sends it (RFC 6455, section 5.2).
    @inline(__always)
    mutating func writeFrame(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer, isFinal: Bool = true) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: payload.count + FrameWriter.longestHeader) { room in
            let header = FrameWriter.header(opcode, payload.count, isFinal: isFinal, isMasked: false, into: room)
            UnsafeMutableRawBufferPointer(rebasing: room[header...]).copyMemory(from: payload)
            return header + payload.count
        }
    }

    /// Appends one frame as a client sends it: masked with `key` (section 5.3).
    mutating func writeMaskedFrame(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer, key: UInt32) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: payload.count + FrameWriter.longestHeader) { room in
            let header = FrameWriter.header(opcode, payload.count, isFinal: true, isMasked: true, into: room)
            room.storeBytes(of: key, toByteOffset: header, as: UInt32.self)
            let body = UnsafeMutableRawBufferPointer(rebasing: room[(header + 4)..<(header + 4 + payload.count)])
            body.copyMemory(from: payload)
            FrameMask.apply((room[header], room[header + 1], room[header + 2], room[header + 3]), to: body)
            return header + 4 + payload.count
        }
    }
}

enum FrameWriter {
    static let longestHeader = 14

    /// Writes the header but for the key; how many bytes it has.
    @inline(__always)
    static func header(_ opcode: Opcode, _ count: Int, isFinal: Bool, isMasked: Bool, into room: UnsafeMutableRawBufferPointer) -> Int {
        room[0] = (isFinal ? 0x80 : 0) | opcode.rawValue
        let mask: UInt8 = isMasked ? 0x80 : 0
        if count < 126 {
            room[1] = mask | UInt8(count)
            return 2
        }
        if count < 1 << 16 {
            room[1] = mask | 126
            room.storeBytes(of: UInt16(count).bigEndian, toByteOffset: 2, as: UInt16.self)
            return 4
        }
        room[1] = mask | 127
        room.storeBytes(of: UInt64(count).bigEndian, toByteOffset: 2, as: UInt64.self)
        return 10
    }

    /// The payload of a close frame (section 5.5.1): the reason is cut, between characters, to what fits into 125 bytes.
    static func closePayload(_ code: UInt16?, _ reason: String) -> [UInt8] {
        guard let code else { return [] }
        var payload = [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)]
        for character in reason.unicodeScalars {
            let bytes = Array(String(character).utf8)
            if payload.count + bytes.count > 125 { break }
            payload += bytes
        }
        return payload
    }
}
