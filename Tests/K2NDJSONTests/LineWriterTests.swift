import Foundation
import Glibc
import K2Bytes
import K2NDJSON
import Testing

extension LineWriter {
    fileprivate mutating func failure(_ line: String) -> StreamError? {
        do throws(StreamError) {
            let bytes = Array(line.utf8)
            try write(line: bytes.span)
            try flush()
            return nil
        } catch { return error }
    }
}

@Suite struct LineWriterTests {
    @Test func writesWholeRecordsInBlocks() throws {
        let output = Channel(keepsChunks: true)
        var writer = LineWriter(descriptor: output.writeEnd, name: "stdout", blockSize: 20)
        for _ in 0..<5 { try writer.write(line: [UInt8]("12345".utf8).span) }
        #expect(writer.bytesWritten == 24)
        try writer.flush()
        try writer.flush()
        #expect(writer.bytesWritten == 30)
        #expect(output.receive() == Array(String(repeating: "12345\n", count: 4).utf8))
        #expect(output.receive() == Array("12345\n".utf8))
    }

    @Test func aReaderThatLeftIsToldApart() {
        let output = Channel()
        output.closeRead()
        var writer = LineWriter(descriptor: output.writeEnd, name: "stdout")
        let failure = writer.failure("x")
        #expect(failure == StreamError(.readerGone, name: "stdout", errno: EPIPE))
        #expect(failure?.description == "stdout: reader has gone")
    }

    @Test func aFullDiskIsAWriteError() throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        defer { close(full) }
        var writer = LineWriter(descriptor: full, name: "out.ndjson")
        let failure = writer.failure("x")
        #expect(failure?.code == .writeFailed)
        #expect(failure?.description == "out.ndjson: cannot write: no space left on device")
    }

    @Test func waitsForAReaderThatIsSlow() throws {
        let output = Channel()
        _ = fcntl(output.writeEnd, F_SETFL, fcntl(output.writeEnd, F_GETFL) | O_NONBLOCK)
        let text = String(repeating: "abcdefghij", count: 50_000)
        Thread.detachNewThread {
            var writer = LineWriter(descriptor: output.writeEnd, name: "stdout")
            _ = writer.failure(text)
            output.closeWrite()
        }
        var received: [UInt8] = []
        while let part = output.receive() { received += part }
        #expect(received == Array((text + "\n").utf8))
    }
}
