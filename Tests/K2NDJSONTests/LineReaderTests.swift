import Foundation
import Glibc
import K2Bytes
import K2NDJSON
import K2TestSupport
import Testing

@Suite struct LineReaderTests {
    private static let texts = [
        "", "\n", "\n\n", "a", "a\n", "a\nb", "a\n\nb\n", "first line\nsecond\r\nthird\n", "\u{0}\n\u{0}\u{0}", "é\n🦀\n",
    ]

    /// The oracle: cut at newlines; what is behind the last one is truncated.
    private func expected(_ bytes: [UInt8]) -> [Found] {
        let parts = bytes.split(separator: 0x0a, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        var lines = parts.dropLast().enumerated().map { Found(event: .line, line: $0.element, number: $0.offset + 1) }
        if let last = parts.last, !last.isEmpty { lines.append(Found(event: .truncated, line: last, number: lines.count + 1)) }
        return lines
    }

    @Test(arguments: texts)
    func cutsAtNewlinesWhateverTheChunks(text: String) throws {
        let bytes = Array(text.utf8)
        for chunk in 1...max(1, bytes.count) {
            #expect(try readAll(bytes, chunk: chunk) == expected(bytes), "chunk \(chunk)")
        }
    }

    @Test func cutsRandomTexts() throws {
        var random = Seeded.start()
        for _ in 0..<40 {
            let bytes = (0..<random.int(0...3_000)).map { _ in random.once(in: 20) ? UInt8(0x0a) : UInt8(random.int(0x61...0x7a)) }
            let chunk = random.int(1...400)
            #expect(try readAll(bytes, chunk: chunk) == expected(bytes), "chunk \(chunk)")
        }
    }

    @Test func linesLongerThanABufferArriveWhole() throws {
        let long = String(repeating: "x", count: 900_000)
        let found = try readAll(Array("a\n\(long)\nb\n".utf8), chunk: 60_000)
        #expect(found.map(\.event) == [.line, .line, .line])
        #expect(found[1].line == long)
        #expect(found[2].line == "b")
    }

    @Test(arguments: [1, 3, 7, 50])
    func aLineOfExactlyTheLimitIsWholeAndALongerOneIsCut(chunk: Int) throws {
        let limit = 10
        let text = "0123456789\n0123456789A\nshort\n" + String(repeating: "z", count: 200) + "\nlast\n0123456789\n"
        let found = try readAll(Array(text.utf8), chunk: chunk, maxLineBytes: limit)
        #expect(found == [
            Found(event: .line, line: "0123456789", number: 1), Found(event: .tooLong, line: "0123456789", number: 2),
            Found(event: .line, line: "short", number: 3), Found(event: .tooLong, line: "zzzzzzzzzz", number: 4),
            Found(event: .line, line: "last", number: 5), Found(event: .line, line: "0123456789", number: 6),
        ])
    }

    @Test func anOverlongLineShowsItsFirst4096Bytes() throws {
        var random = Seeded.start()
        for _ in 0..<20 {
            let limit = random.int(4_096...9_000)
            let long = random.digits(random.int((limit + 1)...40_000))
            let after = random.digits(random.int(0...limit))
            let found = try readAll(Array("\(long)\n\(after)\n\(long)".utf8), chunk: random.int(100...20_000), maxLineBytes: limit)
            #expect(found == [
                Found(event: .tooLong, line: String(long.prefix(4_096)), number: 1), Found(event: .line, line: after, number: 2),
                Found(event: .tooLong, line: String(long.prefix(4_096)), number: 3),
            ])
        }
    }

    @Test func theOutputIsFlushedBeforeWaiting() throws {
        let input = Channel(), output = Channel()
        input.write("one\ntwo\nthr")
        Thread.detachNewThread {
            var reader = LineReader(descriptor: input.readEnd, name: "stdin")
            var writer = LineWriter(descriptor: output.writeEnd, name: "stdout")
            while let event = try? reader.next(flushing: &writer), event == .line {
                try? writer.write(line: reader.line)
            }
            output.closeWrite()
        }
        #expect(output.receive() == Array("one\ntwo\n".utf8))
        input.write("ee\n")
        #expect(output.receive() == Array("three\n".utf8))
        input.closeWrite()
        #expect(output.receive() == nil)
    }

    @Test func nothingIsWrittenWhileLinesAreWaiting() throws {
        let input = Channel(), output = Channel()
        input.write("a\nb\nc\n")
        input.closeWrite()
        var reader = LineReader(descriptor: input.readEnd, name: "stdin")
        var writer = LineWriter(descriptor: output.writeEnd, name: "stdout")
        for _ in 0..<3 {
            let event = try reader.next(flushing: &writer)
            #expect(event == .line)
            try writer.write(line: reader.line)
        }
        #expect(writer.bytesWritten == 0)
        let event = try reader.next(flushing: &writer)
        #expect(event == .end)
    }

    @Test func stopsWhenAskedAndLeavesOutAPartlyReadLine() throws {
        let input = Channel(), stop = Channel()
        var reader = LineReader(descriptor: input.readEnd, name: "stdin", stopDescriptor: stop.readEnd)
        var writer = LineWriter(descriptor: -1, name: "none")
        input.write("whole\npart")
        let first = try reader.next(flushing: &writer)
        #expect(first == .line)
        stop.write("x")
        let second = try reader.next(flushing: &writer)
        #expect(second == .stopped)
        let again = try reader.next(flushing: &writer)
        #expect(again == .stopped)
    }

    @Test func linesAlreadyReadComeBeforeTheStop() throws {
        let input = Channel(), stop = Channel()
        var reader = LineReader(descriptor: input.readEnd, name: "stdin", stopDescriptor: stop.readEnd)
        var writer = LineWriter(descriptor: -1, name: "none")
        input.write("a\nb\nc\n")
        var events = [try reader.next(flushing: &writer)]
        stop.write("x")
        for _ in 0..<3 { events.append(try reader.next(flushing: &writer)) }
        #expect(events == [.line, .line, .line, .stopped])
    }

    @Test func waitsNoLongerThanItsPatience() throws {
        let input = Channel()
        var reader = LineReader(descriptor: input.readEnd, name: "stdin")
        reader.patience = 1
        var writer = LineWriter(descriptor: -1, name: "none")
        input.write("half")
        let first = try reader.next(flushing: &writer)
        #expect(first == .timedOut)
        input.write(" a line\n")
        let second = try reader.next(flushing: &writer)
        #expect(second == .line)
        #expect(reader.line.text == "half a line")
    }

    @Test func waitsNoLongerForTheRestOfALineThatIsTooLong() throws {
        let input = Channel()
        var reader = LineReader(descriptor: input.readEnd, name: "stdin", maxLineBytes: 10)
        reader.patience = 1
        var writer = LineWriter(descriptor: -1, name: "none")
        input.write("0123456789ABCDEF")
        for _ in 0..<2 {
            let waiting = try reader.next(flushing: &writer)
            #expect(waiting == .timedOut)
        }
        input.write("GHI\nnext\n")
        let long = try reader.next(flushing: &writer)
        #expect(long == .tooLong && reader.line.text == "0123456789" && reader.number == 1)
        let next = try reader.next(flushing: &writer)
        #expect(next == .line && reader.line.text == "next" && reader.number == 2)
    }

    @Test func aDescriptorThatCannotBeReadIsAnError() {
        var reader = LineReader(descriptor: 1_000_000, name: "stdin")
        var writer = LineWriter(descriptor: -1, name: "none")
        var failure: StreamError?
        do throws(StreamError) { _ = try reader.next(flushing: &writer) } catch { failure = error }
        #expect(failure?.code == .readFailed)
        #expect(failure?.description == "stdin: cannot read: bad file descriptor")
    }
}
