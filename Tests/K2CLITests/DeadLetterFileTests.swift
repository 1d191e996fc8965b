import Foundation
import Glibc
import K2CLI
import K2NDJSON
import K2TestSupport
import Testing

/// Writes one dead letter to the file at `path`; the message of the error, if any.
private func write(_ reason: String, to path: String) -> String? {
    let input = Array("input".utf8)
    do {
        var file = try DeadLetterFile.open(path, tool: "k2-test")
        try file?.write(line: 1, reason: reason, input: input.span)
        try file?.close()
        return nil
    } catch { return "\(error)" }
}

@Suite struct DeadLetterFileTests {
    @Test func appendsRecordsAndCreatesTheFile() throws {
        let folder = try TestFolder()
        let path = try folder.file("bad.ndjson")
        #expect(write("one", to: path) == nil)
        #expect(write("two", to: path) == nil)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.last == #"{"kind":"dead_letter","tool":"k2-test","line":1,"reason":"two","input":"input"}"#)
    }

    @Test func aLineThatWasCutOffStaysAlone() throws {
        let folder = try TestFolder()
        let path = try folder.file("bad.ndjson")
        try #"{"kind":"dead_le"#.write(toFile: path, atomically: false, encoding: .utf8)
        #expect(write("one", to: path) == nil)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 3 && lines[0] == #"{"kind":"dead_le"# && lines[1].hasSuffix(#""input":"input"}"#) && lines[2].isEmpty)
    }

    @Test func saysWhyItCannotBeOpened() throws {
        let folder = try TestFolder()
        #expect(write("x", to: "\(folder.path)/no/such/folder") == "\(folder.path)/no/such/folder: cannot open dead-letter file: no such file or directory")
        #expect(write("x", to: folder.path) == "\(folder.path): cannot open dead-letter file: is a directory")
    }

    @Test func aFullDiskIsAnError() { #expect(write("x", to: "/dev/full") == "/dev/full: cannot write: no space left on device") }

    @Test func noPathIsNoFile() throws {
        let isOpen = try DeadLetterFile.open(nil, tool: "k2-test") != nil
        #expect(!isOpen)
    }
}
