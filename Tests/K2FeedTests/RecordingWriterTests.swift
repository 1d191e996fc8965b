import Glibc
import K2Compression
import K2Domain
import K2NDJSON
import K2TestSupport
import Testing

@testable import K2Feed

@Suite struct RecordingWriterTests {
    private static let nine = Timestamp(microseconds: 1_795_683_600_000_000)  // 2026-11-26T09:00:00Z
    private static let minute: Int64 = 60_000_000

    private static func time(_ minutes: Int64) -> Timestamp { Timestamp(microseconds: nine.microseconds + minutes * minute) }

    private static func line(_ number: Int) -> [UInt8] {
        let start = "{\"kind\":\"raw\",\"exchange\":\"binance\",\"received_at\":\"2026-11-26T09:00:00.000000Z\""
        return Array("\(start),\"sequence\":\(number),\"message\":{}}\n".utf8)
    }

    private static func append(_ numbers: Range<Int>, at time: Timestamp, to writer: inout RecordingWriter) throws {
        let lines = numbers.flatMap { line($0) }
        try writer.append(lines.span, at: time)
    }

    private static func writer(_ folder: TestFolder, _ format: RecordingFormat = .gzip) -> RecordingWriter {
        RecordingWriter(directory: folder.path + "/recordings", exchange: .binance, format: format)
    }

    private static func path(_ folder: TestFolder, _ name: String) -> String { "\(folder.path)/recordings/binance/\(name)" }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    /// What the system's own tool makes of a file.
    private static func unpacked(_ path: String) throws -> [UInt8] {
        let tool = path.hasSuffix(".gz") ? "/usr/bin/gzip" : "/usr/bin/zstd"
        let result = try ToolProcess.start(tool, ["-dc", path]).finish()
        if result.status != 0 { throw StreamError(.readFailed, name: "\(path): \(result.stderr)", errno: 0) }
        return result.stdout
    }

    private static func lines(_ ranges: Range<Int>...) -> [UInt8] { ranges.flatMap { $0.flatMap { line($0) } } }

    private static func entries(_ folder: TestFolder) throws -> [String] {
        try ToolProcess.start("/bin/ls", [folder.path + "/recordings/binance"]).finish().lines
    }

    @Test(arguments: RecordingFormat.allCases)
    func eachHourHasItsFile(_ format: RecordingFormat) throws {
        let folder = try TestFolder()
        var writer = Self.writer(folder, format)
        try Self.append(0..<5, at: Self.time(0), to: &writer)
        try Self.append(5..<9, at: Self.time(59), to: &writer)
        try Self.append(9..<12, at: Self.time(60), to: &writer)
        try Self.append(12..<13, at: Self.time(15 * 60 + 1), to: &writer)
        try writer.close()
        #expect(
            try Self.entries(folder) == ["2026-11-26T09", "2026-11-26T10", "2026-11-27T00"].map { $0 + format.suffix })
        #expect(try Self.unpacked(Self.path(folder, "2026-11-26T09" + format.suffix)) == Self.lines(0..<9))
        #expect(try Self.unpacked(Self.path(folder, "2026-11-26T10" + format.suffix)) == Self.lines(9..<12))
        #expect(try Self.unpacked(Self.path(folder, "2026-11-27T00" + format.suffix)) == Self.lines(12..<13))
        #expect(writer.lostBytes == 0 && writer.bytesWritten > 0)
    }

    @Test(arguments: RecordingFormat.allCases)
    func whatWasFlushedCanBeReadAtOnce(_ format: RecordingFormat) throws {
        let folder = try TestFolder()
        let path = Self.path(folder, "2026-11-26T09" + format.suffix)
        var writer = Self.writer(folder, format)
        for number in 0..<5 {
            try Self.append(number..<(number + 1), at: Self.time(1), to: &writer)
            try writer.flush()
            #expect(try Self.unpacked(path) == Self.lines(0..<(number + 1)))
            try writer.flush()
        }
    }

    @Test func aFullBlockIsWrittenWithoutAFlush() throws {
        let folder = try TestFolder()
        var writer = Self.writer(folder)
        for _ in 0..<30 { try Self.append(0..<1_000, at: Self.time(1), to: &writer) }
        #expect(writer.bytesWritten > 0)
    }

    @Test(arguments: RecordingFormat.allCases)
    func anotherRunGoesOnBehindTheWholeMembersAtEveryCut(_ format: RecordingFormat) throws {
        let folder = try TestFolder()
        let path = Self.path(folder, "2026-11-26T09" + format.suffix)
        var ends: [Int] = []
        do {
            var writer = Self.writer(folder, format)
            for number in 0..<2 {
                try Self.append((number * 5)..<(number * 5 + 5), at: Self.time(1), to: &writer)
                try writer.flush()
                ends.append(writer.bytesWritten)
            }
        }
        let bytes = try #require(Self.read(path))
        #expect(bytes.count == ends[1])
        for size in 0...bytes.count {
            #expect(truncate(path, 0) == 0)
            _ = try folder.file("recordings/binance/2026-11-26T09" + format.suffix, Array(bytes[..<size]))
            var writer = Self.writer(folder, format)
            try writer.prepare(at: Self.time(2))
            try Self.append(100..<101, at: Self.time(2), to: &writer)
            try writer.close()
            let whole = ends.filter { $0 <= size }.count
            #expect(try Self.unpacked(path) == Self.lines(0..<(whole * 5), 100..<101), "cut at \(size)")
        }
        #expect(try Self.entries(folder).count == 1)
    }

    @Test(arguments: RecordingFormat.allCases)
    func aDamagedFileIsLeftAloneAndAnotherTaken(_ format: RecordingFormat) throws {
        let folder = try TestFolder()
        do {
            var writer = Self.writer(folder, format)
            try Self.append(0..<1, at: Self.time(0), to: &writer)
            try writer.close()
        }
        let damaged = Array("this is something else entirely\n".utf8)
        for name in ["2026-11-26T09", "2026-11-26T09-2"] {
            _ = try folder.file("recordings/binance/\(name)\(format.suffix)", damaged)
        }
        var writer = Self.writer(folder, format)
        try Self.append(1..<2, at: Self.time(0), to: &writer)
        try writer.close()
        for name in ["2026-11-26T09", "2026-11-26T09-2"] { #expect(Self.read(Self.path(folder, name + format.suffix)) == damaged) }
        #expect(try Self.unpacked(Self.path(folder, "2026-11-26T09-3" + format.suffix)) == Self.lines(1..<2))
    }

    @Test func twoWritersOfOneFileAreRefused() throws {
        let folder = try TestFolder()
        var first = Self.writer(folder)
        try first.prepare(at: Self.time(0))
        var second = Self.writer(folder)
        do {
            try second.prepare(at: Self.time(0))
            Issue.record("the second writer got the file")
        } catch {
            #expect(error == StreamError(.writeFailed, name: Self.path(folder, "2026-11-26T09.ndjson.gz"), errno: EAGAIN))
        }
        try first.close()
        try second.prepare(at: Self.time(0))
    }

    @Test func aFolderThatCannotBeMadeCostsTheBlockOnly() throws {
        let folder = try TestFolder()
        let obstacle = try folder.file("recordings", [])
        var writer = Self.writer(folder)
        try Self.append(0..<3, at: Self.time(0), to: &writer)
        for _ in 0..<2 {
            do { try writer.flush() } catch {
                #expect(error.description == "\(folder.path)/recordings/binance: cannot write: not a directory")
            }
            #expect(writer.lostBytes == Self.lines(0..<3).count)
        }
        unlink(obstacle)
        try Self.append(3..<4, at: Self.time(0), to: &writer)
        try writer.close()
        #expect(try Self.unpacked(Self.path(folder, "2026-11-26T09.ndjson.gz")) == Self.lines(3..<4))
    }

    /// The hour changes while the disk fails: the new lines must not get lost with the old ones.
    @Test func linesThatComeWithAnErrorAreTaken() throws {
        let folder = try TestFolder()
        let obstacle = try folder.file("recordings", [])
        var writer = Self.writer(folder)
        try Self.append(0..<3, at: Self.time(0), to: &writer)
        do {
            try Self.append(3..<5, at: Self.time(60), to: &writer)
            Issue.record("no error")
        } catch {
            unlink(obstacle)
        }
        try writer.close()
        #expect(try Self.unpacked(Self.path(folder, "2026-11-26T10.ndjson.gz")) == Self.lines(3..<5))
        #expect(writer.lostBytes == Self.lines(0..<3).count)
    }

    private static func error(of lines: [UInt8], _ writer: inout RecordingWriter) -> StreamError? {
        do throws(StreamError) {
            try writer.append(lines.span, at: time(0))
            try writer.flush()
            return nil
        } catch {
            return error
        }
    }

    /// Needs the right to mount; without it the test says nothing.
    @Test(arguments: RecordingFormat.allCases)
    func aFullDiskLeavesWholeMembers(_ format: RecordingFormat) throws {
        let folder = try TestFolder()
        let disk = folder.path + "/recordings"
        _ = mkdir(disk, 0o755)
        guard mount("tmpfs", disk, "tmpfs", 0, "size=128k") == 0 else { return }
        defer { umount2(disk, Int32(MNT_DETACH)) }
        let path = Self.path(folder, "2026-11-26T09" + format.suffix)
        var random = Seeded.start()
        var writer = Self.writer(folder, format)
        var written: [UInt8] = []
        var failure: StreamError?
        while failure == nil, written.count < 1 << 20 {
            let noise = (0..<15_000).map { _ in UInt8(random.int(32...126)) } + [0x0a]
            failure = Self.error(of: noise, &writer)
            if failure == nil { written += noise }
        }
        #expect(failure == StreamError(.writeFailed, name: path, errno: ENOSPC))
        #expect(written.count > 50_000 && writer.lostBytes == 15_001)
        #expect(try Self.unpacked(path) == written)
        // A smaller one fits, and the writer goes on.
        try Self.append(0..<1, at: Self.time(0), to: &writer)
        try writer.close()
        #expect(try Self.unpacked(path) == written + Self.lines(0..<1))
    }

    @Test func stemsAreDatesAndHours() {
        #expect(RecordingWriter.stem(Self.nine) == "2026-11-26T09")
        #expect(RecordingWriter.stem(Timestamp(microseconds: 0)) == "1970-01-01T00")
        #expect(RecordingWriter.stem(Timestamp(microseconds: -1)) == "1969-12-31T23")
    }
}
