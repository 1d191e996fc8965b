import K2Compression
import K2TestSupport
import Testing

@Suite struct ZstdStreamTests {
    /// Decompresses with the given sizes of input pieces and of room: what came out before an error, the error, and the last frame's end.
    private static func read(
        _ bytes: [UInt8], piece: Int = 1 << 16, room roomSize: Int = 1 << 16
    ) throws -> (text: [UInt8], error: CompressedDataError?, lastFrameEnd: Int) {
        var stream = try ZstdStream()
        var output: [UInt8] = []
        var room = [UInt8](repeating: 0, count: roomSize)
        var start = 0
        do throws(CompressedDataError) {
            while true {
                let end = min(start + piece, bytes.count)
                var target = room.mutableSpan
                let step = try stream.read(bytes.span.extracting(start..<end), into: &target)
                output.append(contentsOf: room[..<step.produced])
                start += step.consumed
                if step == ZstdStream.Step(), start == bytes.count { break }
            }
            try stream.finish()
        } catch {
            return (output, error, stream.lastFrameEnd)
        }
        return (output, nil, stream.lastFrameEnd)
    }

    private static func frames(_ texts: [[UInt8]], checksum: Bool = true) throws -> [[UInt8]] {
        var compressor = try ZstdCompressor(checksum: checksum)
        return try texts.map { try compressor.compress($0.span) }
    }

    private static func texts() -> [[UInt8]] {
        var random = Seeded.start()
        return [100, 300_000, 1, 5_000].map { count in (0..<count).map { _ in UInt8(random.int(0...(count % 7 + 1))) } }
    }

    @Test func everyPieceAndRoomSizeGivesTheSameText() throws {
        let texts = Self.texts()
        let packed = try Self.frames(texts).flatMap { $0 }
        for (piece, room) in [(1, 65_536), (3, 1_000), (1_000, 13), (65_536, 65_536), (packed.count, 100)] {
            let result = try Self.read(packed, piece: piece, room: room)
            #expect(result.error == nil && result.text == texts.flatMap { $0 } && result.lastFrameEnd == packed.count)
        }
    }

    @Test func nothingIsNothing() throws {
        let result = try Self.read([])
        #expect(result.text == [] && result.error == nil && result.lastFrameEnd == 0)
    }

    @Test func theEndOfTheLastCompleteFrameIsKnown() throws {
        let texts = Self.texts()
        let frames = try Self.frames(texts)
        let packed = frames.flatMap { $0 }
        var ends = [0]
        for frame in frames { ends.append(ends.last! + frame.count) }
        for size in [3, 5] + ends.flatMap({ [$0 - 1, $0, $0 + 1, $0 + 4] }) where size >= 0 && size <= packed.count {
            let result = try Self.read(Array(packed[..<size]), piece: 777)
            let end = ends.last { $0 <= size }
            #expect(result.lastFrameEnd == end)
            #expect(result.error == (size == end ? nil : CompressedDataError(.zstd, .truncated, at: size)))
        }
    }

    @Test func damageIsCorruptAfterWhatStoodBefore() throws {
        let texts = Self.texts()
        let frames = try Self.frames(texts)
        for bad in [Array("garbage!".utf8), frames[3].dropLast() + [frames[3].last! ^ 1]] {
            let result = try Self.read(frames[0] + frames[1] + bad)
            #expect(result.error?.code == .corrupt && result.lastFrameEnd == frames[0].count + frames[1].count)
            #expect(result.text.starts(with: texts[0] + texts[1]))
        }
        #expect(try Self.read(Array("no zstd at all".utf8)).error == CompressedDataError(.zstd, .corrupt, at: 0))
    }

    /// With checksums mutated data end in an error or in the text; or a whole frame has become another kind of frame, which is skipped.
    @Test func mutationsNeverCrash() throws {
        var random = Seeded.start()
        let packed = try Self.frames(Self.texts()).flatMap { $0 }
        for _ in 0..<300 {
            var mutated = packed
            for _ in 0..<random.int(1...5) { mutated[random.int(0...(mutated.count - 1))] = UInt8(random.int(0...255)) }
            _ = try Self.read(mutated, piece: random.int(1...100_000), room: random.int(1...100_000))
        }
    }

    @Test(arguments: [
        (CompressedDataError(.zstd, .truncated, at: 7), "zstd data ends too early (byte 7)"),
        (CompressedDataError(.zstd, .corrupt, at: 0), "zstd data is corrupt (byte 0)"),
        (CompressedDataError(.zstd, .outOfMemory, at: 0), "out of memory"),
    ])
    func errorsReadLikeThis(_ error: CompressedDataError, _ text: String) { #expect(error.description == text) }
}
