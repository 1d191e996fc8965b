import K2Compression
import K2TestSupport
import Testing

@Suite struct GzipTests {
    /// Decompresses with the given sizes of input pieces and of room; returns what came out before an error, and the error.
    private static func gunzip(_ bytes: [UInt8], piece: Int = 1 << 16, room roomSize: Int = 1 << 16) throws -> ([UInt8], CompressedDataError?) {
        var stream = try GunzipStream()
        var output: [UInt8] = []
        var room = [UInt8](repeating: 0, count: roomSize)
        var start = 0
        do throws(CompressedDataError) {
            while true {
                let end = min(start + piece, bytes.count)
                let source = bytes.span.extracting(start..<end)
                var target = room.mutableSpan
                let step = try stream.read(source, into: &target)
                output.append(contentsOf: room[..<step.produced])
                start += step.consumed
                if step == GunzipStream.Step(), start == bytes.count { break }
            }
            try stream.finish()
        } catch {
            return (output, error)
        }
        return (output, nil)
    }

    private static func gzip(_ members: [[UInt8]], level: Int32 = 6) throws -> [UInt8] {
        var writer = try GzipWriter(level: level)
        var output: [UInt8] = []
        for member in members {
            writer.write(member.span, to: &output)
            writer.finishMember(to: &output)
        }
        return output
    }

    /// Half repeats, half noise.
    private static func text(_ count: Int, _ random: inout SystemRandomNumberGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            if bytes.count > 100, Bool.random(using: &random) {
                let start = Int.random(in: 0..<(bytes.count - 50), using: &random)
                bytes.append(contentsOf: bytes[start..<(start + 50)])
            } else {
                bytes.append(UInt8.random(in: 0...255, using: &random))
            }
        }
        return Array(bytes.prefix(count))
    }

    @Test func everyPieceAndRoomSizeGivesTheSameText() throws {
        var random = SystemRandomNumberGenerator()
        let members = [1, 70_000, 300].map { Self.text($0, &random) }
        let packed = try Self.gzip(members)
        for (piece, room) in [(1, 1), (1, 65_536), (3, 7), (1_000, 13), (65_536, 65_536), (packed.count, 1)] {
            let (output, error) = try Self.gunzip(packed, piece: piece, room: room)
            #expect(error == nil)
            #expect(output == members.flatMap { $0 }, "pieces of \(piece), room of \(room)")
        }
    }

    @Test func startsBehindThePositionInTheRoom() throws {
        let packed = try Self.gzip([Array("abc".utf8)])
        var stream = try GunzipStream()
        var room = Array("12345678".utf8)
        var target = room.mutableSpan
        let step = try stream.read(packed.span, into: &target, at: 2)
        #expect(step == GunzipStream.Step(consumed: packed.count, produced: 3))
        #expect(room == Array("12abc678".utf8))
    }

    @Test func gzipReadsWhatTheWriterWrote() throws {
        var random = SystemRandomNumberGenerator()
        let members = [5, 200_000, 1].map { Self.text($0, &random) }
        for level in [1, 6, 9] as [Int32] {
            let result = try ToolProcess.start("/bin/gzip", ["-dc"]).finish(stdin: try Self.gzip(members, level: level))
            #expect(result.status == 0)
            #expect(result.stdout == members.flatMap { $0 })
        }
    }

    @Test func readsWhatGzipWrote() throws {
        var random = SystemRandomNumberGenerator()
        let text = Self.text(150_000, &random)
        let packed = try ToolProcess.start("/bin/gzip", ["-c"]).finish(stdin: text).stdout
        #expect(try Self.gunzip(packed) == (text, nil))
    }

    @Test func nothingWrittenMakesNoMember() throws {
        #expect(try Self.gzip([[], []]) == [])
    }

    @Test func noInputIsAnEmptyText() throws {
        #expect(try Self.gunzip([]) == ([], nil))
    }

    @Test func aCutIsTruncatedWhereverItIs() throws {
        let lines = Array((0..<200).map { "{\"line\":\($0)}\n" }.joined().utf8)
        let first = try Self.gzip([lines])
        let packed = first + (try Self.gzip([lines]))
        for cut in 1..<packed.count where cut != first.count {
            let (output, error) = try Self.gunzip(Array(packed[..<cut]), piece: 100, room: 64)
            #expect(error?.code == .truncated, "cut at \(cut)")
            #expect(error?.offset == cut)
            #expect(output == Array((lines + lines).prefix(output.count)), "cut at \(cut)")
            if cut > first.count { #expect(output.count >= lines.count) }
        }
    }

    @Test func whatIsNoGzipIsCorrupt() throws {
        let (output, error) = try Self.gunzip(Array("{\"kind\":\"raw\"}\n".utf8))
        #expect(output == [])
        #expect(error?.code == .corrupt)
    }

    @Test func somethingBehindAMemberIsCorruptAfterItsText() throws {
        let text = Array("text\n".utf8)
        let (output, error) = try Self.gunzip(try Self.gzip([text]) + Array("garbage".utf8))
        #expect(output == text)
        #expect(error?.code == .corrupt)
    }

    @Test func aWrongChecksumIsCorrupt() throws {
        let text = Array("text\n".utf8)
        var packed = try Self.gzip([text])
        packed[packed.count - 6] ^= 1
        let (_, error) = try Self.gunzip(packed)
        #expect(error?.code == .corrupt)
    }

    @Test func anErrorIsThrownAgain() throws {
        var stream = try GunzipStream()
        let bytes = Array("no gzip at all".utf8)
        var room = [UInt8](repeating: 0, count: 10)
        for _ in 0..<2 {
            #expect(throws: CompressedDataError.self) {
                var target = room.mutableSpan
                _ = try stream.read(bytes.span, into: &target)
            }
        }
        #expect(throws: CompressedDataError.self) { try stream.finish() }
    }

    /// Mutated data end in an error or in the text: a checksum guards every member.
    @Test func mutationsNeverGiveAnotherText() throws {
        var seeds = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: .min ... .max, using: &seeds)
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let text = Array((0..<500).map { "{\"line\":\($0),\"value\":\(random(1000))}\n" }.joined().utf8)
        let packed = try Self.gzip([Array(text[..<1000]), Array(text[1000...])])
        for round in 0..<2_000 {
            var mutated = packed
            for _ in 0...random(4) {
                switch random(3) {
                case 0: mutated[random(mutated.count)] = UInt8(random(256))
                case 1: mutated.remove(at: random(mutated.count))
                default: mutated.insert(UInt8(random(256)), at: random(mutated.count))
                }
            }
            let (output, error) = try Self.gunzip(mutated, piece: 1 + random(5_000), room: 1 + random(5_000))
            #expect(error != nil || output == text, "seed \(seed), round \(round)")
            // deflate cannot expand by more than about 1032.
            #expect(output.count <= 1_100 * mutated.count, "seed \(seed), round \(round)")
        }
    }

    @Test func theEndOfTheLastCompleteMemberIsKnown() throws {
        var random = SystemRandomNumberGenerator()
        let members = [100, 70_000, 1, 300].map { Self.text($0, &random) }
        let packed = try Self.gzip(members)
        var ends = [0]
        for member in members { ends.append(ends.last! + (try Self.gzip([member]).count)) }
        for size in [9] + ends.flatMap({ [$0 - 1, $0, $0 + 1] }) where size >= 0 && size <= packed.count {
            for piece in [1, 1_000, packed.count] { #expect(try Self.lastMemberEnd(packed[..<size], piece) == ends.last { $0 <= size }) }
        }
    }

    private static func lastMemberEnd(_ bytes: ArraySlice<UInt8>, _ piece: Int) throws -> Int {
        var stream = try GunzipStream()
        var room = [UInt8](repeating: 0, count: 1 << 17)
        var start = 0
        while start < bytes.count {
            var target = room.mutableSpan
            start += try stream.read(bytes.span.extracting(start..<min(start + piece, bytes.count)), into: &target).consumed
        }
        return stream.lastMemberEnd
    }

    @Test(arguments: [
        (CompressedDataError(.gzip, .truncated, at: 7), "gzip data ends too early (byte 7)"),
        (CompressedDataError(.gzip, .corrupt, at: 0), "gzip data is corrupt (byte 0)"),
        (CompressedDataError(.gzip, .outOfMemory, at: 0), "out of memory"),
    ])
    func errorsReadLikeThis(_ error: CompressedDataError, _ text: String) {
        #expect(error.description == text)
    }
}
