import Glibc
import K2Bytes
import K2Spool
import K2TestSupport
import Testing

@testable import K2Feed

/// A small pipe, closed at the end. No child of the tests holds it open.
final class SmallPipe {
    private(set) var readEnd: Int32
    private(set) var writeEnd: Int32

    init() {
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
        _ = fcntl(readEnd, F_SETFL, O_NONBLOCK)
    }

    deinit {
        closeRead()
        closeWrite()
    }

    /// `RecordOutput` makes it large; this makes it small again.
    func shrink() { _ = fcntl(writeEnd, 1031, Int32(4096)) }

    func closeRead() {
        if readEnd >= 0 { close(readEnd) }
        readEnd = -1
    }

    func closeWrite() {
        if writeEnd >= 0 { close(writeEnd) }
        writeEnd = -1
    }

    /// At most `count` bytes, as far as they are there.
    func read(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = Glibc.read(readEnd, &bytes, count)
        return Array(bytes.prefix(max(0, got)))
    }
}

/// A record output over a small pipe and a spool, with what it said. Its records are numbered lines.
final class OutputBench {
    let spool: String
    let pipe = SmallPipe()
    private(set) var output: RecordOutput!
    private(set) var reports: [String] = []
    private(set) var dropped: [Int] = []
    var now: Int64 = 1_000_000

    static let policy = {
        var policy = RecordOutput.Policy()
        policy.memory = 3_000
        policy.emergencyMemory = 12_000
        policy.patience = 1_000
        policy.block = 500
        policy.blockAge = 100
        policy.spoolRetry = 100
        policy.readPatience = 1_000
        policy.readerMargin = 0
        return policy
    }()

    init(_ spool: String, limit: Int = 1 << 20, segmentBytes: Int = 4096, policy: RecordOutput.Policy = OutputBench.policy, to other: Int32? = nil) throws {
        self.spool = spool
        let queue = try SegmentQueue.open(folder: spool, limit: limit, segmentBytes: segmentBytes)
        output = RecordOutput(descriptor: other ?? pipe.writeEnd, queue: queue, policy: policy)
        pipe.shrink()
        output.onReport = { [unowned self] in reports.append($0) }
        output.onDropped = { [unowned self] in ledger(of: $0) }
    }

    /// A line that shows when it is not whole: the number, `size` bytes or so, and the number again.
    static func line(_ number: Int, _ size: Int = 20) -> [UInt8] { Array("\(number) \(String(repeating: "x", count: size)) \(number)\n".utf8) }

    static func lines(_ numbers: some Sequence<Int>, _ size: Int = 20) -> [UInt8] { numbers.flatMap { line($0, size) } }

    /// The numbers of whole lines; ledger lines `lost A` give −A. Nil for a line that is broken.
    static func numbers(_ bytes: [UInt8]) -> [Int?] {
        var lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        lines.removeLast()
        return lines.map { line in
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            if parts.count == 2, parts[0] == "lost" { return Int(parts[1]).map { -$0 } }
            return parts.count == 3 && parts[0] == parts[2] ? Int(parts[0]) : nil
        }
    }

    /// As kill -9: nothing more is written, and the spool's lock is free.
    func kill() {
        output = nil
        pipe.closeWrite()
    }

    private func ledger(of lines: Span<UInt8>) -> [UInt8] {
        let numbers = Self.numbers(lines.withUnsafeBytes { Array($0) })
        #expect(!numbers.contains(nil))
        let lost = numbers.compactMap { $0.map { abs($0) } }
        dropped += lost
        return lost.flatMap { Array("lost \($0)\n".utf8) }
    }

    func append(_ numbers: ClosedRange<Int>, _ size: Int = 20) { for number in numbers { output.tail.append(Self.line(number, size)) } }

    @discardableResult
    func flush(after microseconds: Int64 = 0) -> Bool {
        now += microseconds
        return output.flush(now: now)
    }

    /// Reads and flushes until nothing comes any more.
    func readAll() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = pipe.read(1 << 16)
            flush()
            if bytes.isEmpty, output.waitingBytes == 0 || output.isReaderGone { return all + pipe.read(1 << 16) }
            if bytes.isEmpty, !hasProgress() { return all }
            all += bytes
        }
    }

    private func hasProgress() -> Bool {
        var watched = pollfd(fd: pipe.readEnd, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, 0) > 0
    }
}
