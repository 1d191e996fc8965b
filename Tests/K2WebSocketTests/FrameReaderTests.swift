import K2TestSupport
import Testing

@testable import K2WebSocket

/// What a reader says of bytes that arrive in pieces of `size`.
private func events(_ bytes: [UInt8], isMasked: Bool = false, limit: Int = 1000, size: Int = .max) -> [String] {
    var reader = MessageReader(isMasked: isMasked, limit: limit)
    var found: [String] = []
    let size = min(size, max(1, bytes.count))
    for start in stride(from: 0, to: bytes.count, by: size) {
        let piece = Array(bytes[start..<min(start + size, bytes.count)])
        let stop = piece.withUnsafeBytes { (piece: UnsafeRawBufferPointer) -> Bool in
            var input = piece
            do throws(WireError) {
                while let event = try reader.next(&input) {
                    switch event {
                    case .message(let bytes, let isText): found.append("\(isText ? "text" : "binary") \(String(decoding: bytes, as: UTF8.self))")
                    case .ping(let bytes): found.append("ping \(String(decoding: bytes, as: UTF8.self))")
                    case .pong: found.append("pong")
                    case .close(let code, let reason): found.append("close \(code.map { "\($0)" } ?? "-") \(reason)")
                    }
                }
            } catch {
                found.append("error \(error.code)")
                return true
            }
            return false
        }
        if stop { break }
    }
    return found
}

@Suite struct FrameReaderTests {
    /// Section 5.7 of RFC 6455.
    @Test func readsTheExamplesOfTheRFC() {
        #expect(events([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]) == ["text Hello"])
        #expect(events([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58], isMasked: true) == ["text Hello"])
        #expect(events([0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]) == ["text Hello"])
        #expect(events([0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x8a, 0]) == ["ping Hello", "pong"])
    }

    @Test func piecesMakeNoDifference() {
        let long = [UInt8](repeating: 0x61, count: 300)
        var bytes: [UInt8] = [0x81, 3, 0x61, 0x62, 0x63, 0x82, 0, 0x01, 1, 0x78, 0x89, 1, 0x70, 0x00, 0, 0x80, 1, 0x79]
        bytes += [0x81, 126, 1, 44] + long + [0x88, 5, 3, 0xe8, 0x62, 0x79, 0x65]
        let whole = events(bytes)
        #expect(whole == ["text abc", "binary ", "ping p", "text xy", "text \(String(decoding: long, as: UTF8.self))", "close 1000 bye"])
        for size in 1...bytes.count { #expect(events(bytes, size: size) == whole, "pieces of \(size)") }
    }

    @Test func masksAreUndoneForEveryLengthAndPiece() {
        for length in [0, 1, 3, 4, 7, 8, 9, 16, 63, 125] {
            let text = (0..<length).map { UInt8(0x61 + $0 % 26) }
            let key: [UInt8] = [1, 2, 3, 4]
            let frame = [0x81, 0x80 | UInt8(length)] + key + text.enumerated().map { $1 ^ key[$0 % 4] }
            for size in [1, 5, 1000] {
                let expected = "text \(String(decoding: text, as: UTF8.self))"
                #expect(events(frame + frame, isMasked: true, size: size) == [expected, expected])
            }
        }
    }

    @Test(arguments: [
        ([0xc1, 0], 1002), ([0x83, 0], 1002), ([0x8b, 0], 1002), ([0x81, 0x80, 0, 0, 0, 0], 1002), ([0x09, 0], 1002),
        ([0x89, 126, 0, 126], 1002),
        ([0x80, 0], 1002), ([0x01, 0, 0x81, 0], 1002), ([0x81, 126, 0, 125], 1002), ([0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 1002),
        ([0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002), ([0x81, 127, 0x7f, 0, 0, 0, 0, 0, 0, 0], 1009), ([0x81, 126, 3, 0xe9], 1009),
        ([0x81, 1, 0xff], 1007), ([0x81, 2, 0xc3, 0x28], 1007), ([0x81, 3, 0xed, 0xa0, 0x80], 1007), ([0x88, 1, 3], 1002), ([0x88, 2, 3, 0xed], 1002),
        ([0x88, 2, 0, 0], 1002), ([0x88, 3, 3, 0xe8, 0xff], 1007),
    ] as [([UInt8], Int)])
    func refusesWhatTheRFCForbids(bytes: [UInt8], code: Int) {
        #expect(events(bytes) == ["error \(code)"])
        #expect(events(bytes, size: 1) == ["error \(code)"])
    }

    @Test func refusesAClientWithoutMask() { #expect(events([0x81, 0], isMasked: true) == ["error 1002"]) }

    @Test func theLimitCountsAllFragments() {
        let part = [UInt8](repeating: 0x61, count: 60)
        #expect(events([0x01, 60] + part + [0x80, 40] + part[..<40], limit: 100).count == 1)
        #expect(events([0x01, 60] + part + [0x80, 41] + part[..<41], limit: 100) == ["error 1009"])
        #expect(events([0x81, 100] + part + part[..<40], limit: 100).count == 1)
    }

    /// Frames, some of them damaged, and plain garbage: never a trap, and the same however they are cut.
    @Test func garbageIsReadTheSameInPieces() {
        var random = Seeded.start()
        for _ in 0..<2000 {
            let isMasked = random.once(in: 2)
            var bytes: [UInt8] = []
            for _ in 0..<random.int(1...6) {
                let length = random.pick([0, 1, 5, 125])
                bytes += [random.pick([0x81, 0x01, 0x80, 0x00, 0x89, 0x8a, 0x82]), UInt8(length) | (isMasked ? 0x80 : 0)]
                bytes += random.bytes(isMasked ? 4 : 0) + [UInt8](repeating: 0x41, count: length)
                if random.once(in: 4) { bytes += random.bytes(random.int(1...20)) }
            }
            let whole = events(bytes, isMasked: isMasked, limit: 300)
            for size in [1, 2, 7, 64] { #expect(events(bytes, isMasked: isMasked, limit: 300, size: size) == whole, "\(bytes)") }
        }
    }

    @Test func aCharacterMayBeCutByFragments() { #expect(events([0x01, 1, 0xc5, 0x80, 1, 0xbe]) == ["text ž"]) }
}
