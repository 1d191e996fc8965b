import Glibc
import K2Domain
import K2TestSupport
import Testing

@testable import K2OHLCV

@Suite struct OutputTailTests {
    private let folder: TestFolder
    private let descriptor: Int32

    init() throws {
        folder = try TestFolder()
        descriptor = open(try folder.file("out"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    }

    private func append(_ text: String) { #expect(write(descriptor, text, text.utf8.count) == text.utf8.count) }

    private func digest(_ line: String) -> UInt128 {
        let bytes = Array(line.utf8)
        return Digest.hash128(bytes.span)
    }

    private var position: OutputPosition { OutputPosition.current(descriptor)! }

    @Test func linesBehindThePositionAreStruckOffOnce() {
        append("before\n")
        let saved = position
        append("one\ntwo\none\n\n")
        var tail = OutputTail(after: saved, descriptor: descriptor)
        #expect(tail.remove(digest("before")) == false)
        #expect(tail.remove(digest("one")) == true)
        #expect(tail.remove(digest("one")) == true)
        #expect(tail.remove(digest("one")) == false)
        #expect(tail.remove(digest("")) == true)
        #expect(tail.isEmpty == false)
        #expect(tail.remove(digest("two")) == true)
        #expect(tail.isEmpty)
        #expect(tail.offset == nil)
        close(descriptor)
    }

    @Test func offsetIsThatOfTheFirstLineThatIsLeft() {
        append("0123456789\n")
        let saved = position
        append("a\nbb\nccc\nbb\n")
        var tail = OutputTail(after: saved, descriptor: descriptor)
        #expect(tail.offset == 11)
        _ = tail.remove(digest("bb"))
        #expect(tail.offset == 11)
        _ = tail.remove(digest("a"))
        #expect(tail.offset == 16)
        _ = tail.remove(digest("ccc"))
        #expect(tail.offset == 20)
        // The rest is what a later run has to look for.
        let rest = OutputTail(after: OutputPosition(device: saved.device, inode: saved.inode, offset: 20), descriptor: descriptor)
        #expect(rest.offset == 20)
        close(descriptor)
    }

    @Test func cutLineIsRemovedFromTheFile() {
        append("whole\n")
        let saved = position
        append("first\nsecond, cut he")
        var tail = OutputTail(after: saved, descriptor: descriptor)
        #expect(position.offset == 12)
        #expect(tail.remove(digest("second, cut he")) == false)
        #expect(tail.remove(digest("first")) == true)
        append("next\n")
        #expect(position.offset == 17)
        close(descriptor)
    }

    @Test func longTailsAreReadWhole() {
        let saved = position
        let lines = (0..<20_000).map { "line \($0 % 7_000) \(String(repeating: "x", count: $0 % 50))" }
        append(lines.joined(separator: "\n") + "\n")
        var tail = OutputTail(after: saved, descriptor: descriptor)
        for line in lines {
            if tail.remove(digest(line)) { continue }
            Issue.record("\(line) is missing")
            break
        }
        #expect(tail.isEmpty)
        close(descriptor)
    }

    @Test func otherFilesHaveNoTail() throws {
        append("one\ntwo\n")
        let here = position
        let start = OutputPosition(device: here.device, inode: here.inode, offset: 0)
        #expect(!OutputTail(after: start, descriptor: descriptor).isEmpty)
        #expect(OutputTail(after: OutputPosition(device: here.device, inode: here.inode + 1, offset: 0), descriptor: descriptor).isEmpty)
        #expect(OutputTail(after: OutputPosition(device: here.device + 1, inode: here.inode, offset: 0), descriptor: descriptor).isEmpty)
        // Shorter than it was: it was begun anew.
        #expect(OutputTail(after: OutputPosition(device: here.device, inode: here.inode, offset: 100), descriptor: descriptor).isEmpty)
        #expect(ftruncate(descriptor, 0) == 0)
        #expect(OutputTail(after: here, descriptor: descriptor).isEmpty)
        close(descriptor)
    }

    @Test func pipesHaveNoPlace() {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        #expect(OutputPosition.current(ends[1]) == nil)
        close(ends[0])
        close(ends[1])
        close(descriptor)
    }
}
