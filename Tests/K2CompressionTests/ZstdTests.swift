import K2Compression
import Testing

struct ZstdTests {
    @Test(arguments: [0, 1, 100, 70_000, 1 << 20])
    func whatIsCompressedComesBack(count: Int) throws {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }
        var compressor = try ZstdCompressor(level: 3)
        var decompressor = try ZstdDecompressor()
        for _ in 0..<2 {
            let frame = try compressor.compress(content.span)
            #expect(try decompressor.decompress(frame.span, count: count) == content)
        }
    }

    @Test func everyLevelWorksAndOthersAreRefused() throws {
        let content = [UInt8](repeating: 7, count: 1000)
        var decompressor = try ZstdDecompressor()
        for level in [-1, 1, 9, Zstd.levels.upperBound] {
            var compressor = try ZstdCompressor(level: level)
            let frame = try compressor.compress(content.span)
            #expect(frame.count < 100)
            #expect(try decompressor.decompress(frame.span, count: content.count) == content)
        }
        #expect(throws: ZstdError.self) { _ = try ZstdCompressor(level: 1000) }
    }

    @Test func damagedFramesAreErrors() throws {
        let content = (0..<5000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 3)) }
        var compressor = try ZstdCompressor()
        let frame = try compressor.compress(content.span)
        var decompressor = try ZstdDecompressor()
        #expect(throws: ZstdError.self) { try decompressor.decompress(frame.span.extracting(..<(frame.count / 2)), count: 5000) }
        #expect(throws: ZstdError.self) { try decompressor.decompress(frame.span, count: 4999) }
        #expect(throws: ZstdError.self) { try decompressor.decompress(frame.span, count: 5001) }
        #expect(throws: ZstdError.self) { try decompressor.decompress([1, 2, 3, 4, 5].span, count: 5) }
        #expect(throws: ZstdError.self) { try decompressor.decompress(frame.span, count: -1) }
        #expect(try decompressor.decompress(frame.span, count: 5000) == content)
    }

    @Test func aTargetThatIsTooShortIsAnError() throws {
        let content = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        var compressor = try ZstdCompressor()
        var target = [UInt8](repeating: 0, count: 10)
        #expect(throws: ZstdError.self) {
            try target.withUnsafeMutableBytes { target in
                try content.withUnsafeBytes { _ = try compressor.compress($0, into: target) }
            }
        }
    }
}
