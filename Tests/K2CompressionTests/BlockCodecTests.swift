import K2Compression
import Testing

/// Snappy blocks and gzip in one go.
struct BlockCodecTests {
    private static let texts: [[UInt8]] = [
        [], [7], Array("abcabcabcabcabcabc".utf8), [UInt8](repeating: 0, count: 100_000), (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) },
    ]

    private static func gzip(_ content: [UInt8]) throws -> [UInt8] {
        var writer = try GzipWriter()
        var output: [UInt8] = []
        writer.write(content.span, to: &output)
        writer.finishMember(to: &output)
        return output
    }

    /// Decompresses into exactly `room` bytes and tells how many were written.
    private static func unpack(
        _ bytes: [UInt8], room: Int, _ body: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) throws -> Int
    ) throws -> [UInt8] {
        var target = [UInt8](repeating: 0xaa, count: room)
        let count = try bytes.withUnsafeBytes { source in try target.withUnsafeMutableBytes { try body(source, $0) } }
        return Array(target[..<count])
    }

    @Test func contentComesBack() throws {
        var gunzip = try GzipDecompressor()
        for text in Self.texts {
            let block = Snappy.compress(text.span)
            #expect(try block.withUnsafeBytes { try Snappy.uncompressedLength($0) } == text.count)
            #expect(try Self.unpack(block, room: text.count) { try Snappy.decompress($0, into: $1) } == text)
            #expect(text.count <= Snappy.expansionBound(block.count))
            if text.isEmpty { continue }
            let member = try Self.gzip(text)
            #expect(try Self.unpack(member, room: text.count) { try gunzip.decompress($0, into: $1) } == text)
            #expect(text.count <= GzipDecompressor.expansionBound(member.count))
            // Several members are one text.
            #expect(try Self.unpack(member + member, room: 2 * text.count) { try gunzip.decompress($0, into: $1) } == text + text)
        }
    }

    @Test func contentThatDoesNotFitIsAnError() throws {
        var gunzip = try GzipDecompressor()
        for text in Self.texts where !text.isEmpty {
            let (block, member) = (Snappy.compress(text.span), try Self.gzip(text))
            #expect(throws: CompressedDataError(.snappy, .corrupt, at: 0)) {
                try Self.unpack(block, room: text.count - 1) { try Snappy.decompress($0, into: $1) }
            }
            #expect(throws: CompressedDataError.self) { try Self.unpack(member, room: text.count - 1) { try gunzip.decompress($0, into: $1) } }
        }
    }

    @Test func damageIsAnErrorOrOtherContent() throws {
        var gunzip = try GzipDecompressor()
        let text = Array("abcabcabcabcabcabcabc-and-then-something-else-altogether".utf8)
        let (block, member) = (Snappy.compress(text.span), try Self.gzip(text))
        for length in 0..<member.count {
            #expect(throws: CompressedDataError.self) { try Self.unpack(Array(member[..<length]), room: text.count) { try gunzip.decompress($0, into: $1) } }
        }
        for length in 0..<block.count {
            #expect(throws: CompressedDataError.self) { try Self.unpack(Array(block[..<length]), room: text.count) { try Snappy.decompress($0, into: $1) } }
        }
        for position in member.indices {
            var bytes = member
            bytes[position] ^= 0x41
            _ = try? Self.unpack(bytes, room: text.count) { try gunzip.decompress($0, into: $1) }
        }
        for position in block.indices {
            var bytes = block
            bytes[position] ^= 0x41
            _ = try? Self.unpack(bytes, room: text.count) { try Snappy.decompress($0, into: $1) }
        }
        #expect(try Self.unpack(member, room: text.count) { try gunzip.decompress($0, into: $1) } == text)
    }
}
