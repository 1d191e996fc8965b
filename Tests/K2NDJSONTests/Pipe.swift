import Foundation
import Glibc
import K2Bytes
import K2NDJSON

/// A pair of connected descriptors, closed at the end.
final class Channel: @unchecked Sendable {
    // Unchecked: the ends are given to one thread each, and each closes its own.
    private(set) var readEnd: Int32
    private(set) var writeEnd: Int32

    /// - Parameter keepsChunks: each `read` returns exactly what one `write` gave.
    init(keepsChunks: Bool = false) {
        var ends: [Int32] = [-1, -1]
        if keepsChunks {
            precondition(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        } else {
            precondition(pipe(&ends) == 0)
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
    }

    deinit {
        closeRead()
        closeWrite()
    }

    func closeRead() {
        if readEnd >= 0 { close(readEnd) }
        readEnd = -1
    }

    func closeWrite() {
        if writeEnd >= 0 { close(writeEnd) }
        writeEnd = -1
    }

    func write(_ text: String) { write(Array(text.utf8)[...]) }

    func write(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(writeEnd, $0.baseAddress!, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes `bytes` in pieces of `chunk` bytes from another thread, then closes the end.
    func send(_ bytes: [UInt8], chunk: Int) {
        Thread.detachNewThread { [self] in
            var start = 0
            while start < bytes.count {
                write(bytes[start..<min(start + chunk, bytes.count)])
                start += chunk
            }
            closeWrite()
        }
    }

    /// What can be read within `milliseconds`, at most one read's worth; nil when nothing came.
    func receive(within milliseconds: Int32 = 10_000) -> [UInt8]? {
        var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, milliseconds) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(readEnd, &buffer, buffer.count)
        return count > 0 ? Array(buffer[..<count]) : nil
    }
}

/// What a reader found, with the bytes of the line as text.
struct Found: Equatable, CustomStringConvertible {
    var event: LineEvent
    var line: String
    var number: Int
    var description: String { "\(event) \(number) \"\(line)\"" }
}

/// Reads `bytes` in pieces of `chunk` bytes to the end.
func readAll(_ bytes: [UInt8], chunk: Int, maxLineBytes: Int = 1 << 20) throws -> [Found] {
    let input = Channel(keepsChunks: true)
    input.send(bytes, chunk: chunk)
    var reader = LineReader(descriptor: input.readEnd, name: "stdin", maxLineBytes: maxLineBytes)
    var output = LineWriter(descriptor: -1, name: "none")
    var found: [Found] = []
    while true {
        let event = try reader.next(flushing: &output)
        if event == .end { return found }
        found.append(Found(event: event, line: reader.line.text, number: reader.number))
    }
}
