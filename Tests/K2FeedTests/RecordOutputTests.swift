import Glibc
import K2Bytes
import K2Spool
import K2TestSupport
import Testing

@testable import K2Feed

@Suite struct RecordOutputTests {
    private let folder: TestFolder
    private var spool: String { folder.path + "/spool" }

    init() throws { folder = try TestFolder() }

    private func bench(limit: Int = 1 << 20, _ change: (inout RecordOutput.Policy) -> Void = { _ in }) throws -> OutputBench {
        var policy = OutputBench.policy
        change(&policy)
        return try OutputBench(spool, limit: limit, policy: policy)
    }

    // MARK: Delivery

    @Test func whatTheReaderTakesIsWrittenAtOnce() throws {
        let bench = try bench()
        #expect(bench.flush() && bench.output.isEmpty && bench.output.position == 0 && bench.output.safe == 0)
        bench.append(1...10)
        #expect(bench.output.position == Int64(OutputBench.lines(1...10).count) && bench.output.safe == 0)
        #expect(bench.flush() && bench.output.isEmpty && bench.output.safe == bench.output.position)
        #expect(!bench.output.isTaken)
        #expect(bench.readAll() == OutputBench.lines(1...10))
        #expect(bench.output.isTaken && bench.output.spooledBytes == 0 && bench.reports == [])
        #expect(bench.output.close())
    }

    @Test func recordsOfAStalledReaderWaitInMemoryThenOnDisk() throws {
        let bench = try bench()
        bench.append(1...200)
        #expect(!bench.flush())
        let inPipe = Int64(OutputBench.lines(1...200).count - bench.output.waitingBytes)
        #expect(inPipe == 4096 && bench.output.safe == inPipe && bench.output.spooledBytes == 0)
        bench.flush(after: 1_000)
        #expect(bench.output.spooledBytes == 0)
        bench.flush(after: 1)
        #expect(bench.output.spooledBytes > 0 && bench.output.safe == bench.output.position)
        // Newer ones go there in blocks, by size or age.
        bench.append(201...210)
        bench.flush(after: 99)
        #expect(bench.output.safe < bench.output.position)
        bench.flush(after: 2)
        #expect(bench.output.safe == bench.output.position)
        bench.append(211...300)
        bench.flush()
        #expect(bench.output.safe == bench.output.position)
        #expect(OutputBench.numbers(bench.readAll()) == Array(1...300))
        #expect(bench.output.isEmpty && bench.output.spooledBytes == 0 && bench.reports == [])
    }

    @Test func muchGoesToDiskWithoutWaitingForTheReader() throws {
        let bench = try bench()
        bench.append(1...200)
        bench.flush()
        bench.append(201...320)
        bench.flush()
        #expect(bench.output.spooledBytes > 0 && bench.output.safe == bench.output.position)
        #expect(OutputBench.numbers(bench.readAll()) == Array(1...320))
    }

    /// A record that is larger than the pipe, half written when it goes to disk.
    @Test func aHalfWrittenRecordIsFinished() throws {
        let bench = try bench()
        bench.append(1...3, 10_000)
        bench.flush()
        bench.flush(after: 2_000)
        #expect(bench.output.spooledBytes > 30_000)
        #expect(bench.readAll() == OutputBench.lines(1...3, 10_000))
    }

    @Test func aSpoolOfAnEarlierRunComesFirst() throws {
        do {
            let bench = try bench()
            bench.append(1...500)
            bench.flush()
            _ = bench.pipe.read(1 << 16)
            #expect(bench.output.close())
            // The rest of the pipe is read after all.
        }
        let bench = try bench()
        bench.append(501...510)
        #expect(bench.output.safe == 0)
        let numbers = OutputBench.numbers(bench.readAll())
        #expect(Array(numbers.suffix(360)) == (151...510).map(Optional.some) && numbers == ((numbers[0] ?? 0)...510).map(Optional.some))
    }

    // MARK: A reader that leaves

    @Test(arguments: [0, 100, 4096, 20_000])
    func whatTheReaderDidNotReadComesAgain(_ read: Int) throws {
        var before: [UInt8] = []
        do {
            let bench = try bench()
            bench.append(1...1_000)
            bench.flush()
            while before.count < read {
                before += bench.pipe.read(read - before.count)
                bench.flush(after: 500)
            }
            bench.pipe.closeRead()
            bench.flush()
            #expect(bench.output.isReaderGone)
            bench.append(1_001...1_010)
            #expect(bench.output.close())
            #expect(bench.output.safe == bench.output.position && bench.reports == [])
        }
        let handled = OutputBench.numbers(before)
        #expect(handled == Array(1..<(handled.count + 1)))
        let numbers = OutputBench.numbers(try bench().readAll())
        #expect(numbers.last == 1_010 && !numbers.contains(nil))
        // In order, from the first that was not read or from one before it.
        #expect((numbers[0] ?? .max) <= handled.count + 1)
        #expect(Self.isInOrder(numbers.compactMap { $0 }))
    }

    /// Each number comes when the one before it has come.
    private static func isInOrder(_ numbers: [Int]) -> Bool {
        var next = numbers.first ?? 0
        for number in numbers {
            if number > next { return false }
            next = max(next, number + 1)
        }
        return true
    }

    @Test func whatAReaderMayNotHaveHandledComesAgain() throws {
        let size = OutputBench.lines(1...1).count
        do {
            let bench = try bench { $0.readerMargin = 10 * size }
            bench.append(1...9)
            bench.append(10...50)
            bench.flush()
            #expect(bench.readAll().count > 0)
            bench.pipe.closeRead()
            bench.append(51...52)
            bench.flush()
            #expect(bench.output.isReaderGone && bench.output.close())
        }
        let numbers = OutputBench.numbers(try bench().readAll())
        #expect(numbers.last == 52 && (numbers[0] ?? 99) <= 43 && (numbers[0] ?? 0) >= 40)
    }

    /// The reader took a part of a record that is longer than the margin, and left.
    @Test func aHalfReadRecordComesAgainWhole() throws {
        do {
            let bench = try bench()
            bench.append(1...1, 50_000)
            bench.append(2...3)
            var read = 0
            while read < 49_000 {
                bench.flush()
                read += bench.pipe.read(1_000).count
            }
            bench.flush()
            bench.pipe.closeRead()
            bench.append(4...4)
            bench.flush()
            #expect(bench.output.close())
        }
        #expect(OutputBench.numbers(try bench().readAll()).prefix(4) == [1, 2, 3, 4][...])
    }

    /// Everything was written; the reader stalls or leaves before it takes it, and nothing more is to be written.
    @Test(arguments: [true, false])
    func theEndDoesNotForgetThePipe(_ isGone: Bool) throws {
        do {
            let bench = try bench()
            bench.append(1...20)
            #expect(bench.flush())
            if isGone { bench.pipe.closeRead() }
            #expect(bench.output.isTaken == isGone)
            #expect(bench.output.close())
        }
        #expect(OutputBench.numbers(try bench().readAll()) == Array(1...20))
    }

    // MARK: The limit

    @Test func theOldestAreDroppedAndToldOf() throws {
        let bench = try bench(limit: 40_000)
        for number in 1...3_000 {
            bench.append(number...number)
            bench.flush(after: 50)
        }
        bench.flush(after: 2_000)
        #expect(bench.output.spooledBytes <= 40_000 && bench.output.droppedBytes > 0 && !bench.dropped.isEmpty)
        #expect(bench.output.safe == bench.output.position)
        let numbers = OutputBench.numbers(bench.readAll())
        #expect(!numbers.contains(nil))
        let got = Set(numbers.compactMap { $0 })
        #expect((1...3_000).allSatisfy { got.contains($0) || got.contains(-$0) })
        let records = numbers.compactMap { $0 }.filter { $0 > 0 }
        #expect(records == records.sorted())
    }

    /// A kill right after the drop.
    @Test func whatTellsOfDroppedRecordsIsOnDiskBeforeTheyAreGone() throws {
        var dropped: [Int] = []
        do {
            let bench = try bench(limit: 40_000)
            while bench.dropped.isEmpty {
                bench.append(1...20)
                bench.flush(after: 2_000)
            }
            dropped = bench.dropped
        }
        let told = OutputBench.numbers(try bench(limit: 40_000).readAll())
        #expect(dropped.allSatisfy { told.contains(-$0) })
    }

    @Test func aRecordThatIsTooLargeForTheLimitHoldsUpNoOther() throws {
        let bench = try bench(limit: 40_000)
        bench.append(1...200)
        bench.flush()
        bench.flush(after: 2_000)
        bench.append(201...201, 11_000)
        bench.append(202...202)
        bench.flush(after: 2_000)
        #expect(bench.dropped == [201] && bench.output.safe == bench.output.position)
        #expect(bench.reports.count == 1 && bench.reports[0].hasPrefix("spool: a record of 11009 bytes is too large"))
        #expect(OutputBench.numbers(bench.readAll()).filter { $0 ?? 0 > 200 || $0 ?? 0 < 0 } == [-201, 202])
    }

    // MARK: A spool that fails

    private func hideSpool() { #expect(rename(spool, spool + ".away") == 0) }
    private func showSpool() { #expect(rename(spool + ".away", spool) == 0) }

    @Test func recordsWaitInMemoryWhileTheSpoolFails() throws {
        let bench = try bench()
        bench.append(1...150)
        bench.flush()
        hideSpool()
        for number in 151...200 {
            bench.append(number...number)
            bench.flush(after: 2_000)
        }
        #expect(bench.reports.count == 1 && bench.reports[0].hasSuffix("records wait in memory"))
        #expect(bench.output.safe == 4096 && bench.dropped == [])
        showSpool()
        bench.flush(after: 2_000)
        #expect(bench.output.safe == bench.output.position && bench.reports.count == 2)
        #expect(OutputBench.numbers(bench.readAll()) == Array(1...200))
    }

    @Test func tooMuchForMemoryIsToldOfBeforeAStateCountsIt() throws {
        let bench = try bench()
        bench.append(1...150)
        bench.flush()
        hideSpool()
        bench.append(151...1_000)
        bench.flush(after: 2_000)
        #expect(bench.dropped == Array(151...1_000))
        // The head still waits, and so does what tells of the others.
        #expect(bench.output.safe == 4096)
        var all: [UInt8] = []
        while bench.output.safe < bench.output.position {
            #expect(bench.output.safe <= Int64(OutputBench.lines(1...150).count))
            all += bench.pipe.read(4096)
            bench.flush()
        }
        all += bench.readAll()
        #expect(OutputBench.numbers(all) == Array(1...150) + (151...1_000).map { -$0 })
    }

    @Test func theEndTellsThatRecordsCouldNotBeKept() throws {
        let bench = try bench()
        bench.append(1...500)
        bench.flush()
        hideSpool()
        #expect(!bench.output.close())
        #expect(bench.output.safe < bench.output.position)
        #expect(bench.reports.last?.hasSuffix("could not be kept, and will be fetched again") == true)
        showSpool()
    }

    @Test func aSpooledFileThatCannotBeReadIsGivenUp() throws {
        let bench = try bench()
        for number in 1...600 {
            bench.append(number...number)
            bench.flush(after: 200)
        }
        // The second of several; the first one is being delivered.
        let files = try #require(glob(spool + "/*.spool"))
        #expect(files.count > 3)
        #expect(unlink(files[2]) == 0)
        var all = bench.readAll()
        #expect(!bench.output.isEmpty && bench.reports.count == 1)
        for _ in 0..<3 {
            bench.flush(after: 600)
            all += bench.readAll()
        }
        #expect(bench.output.isEmpty)
        let numbers = OutputBench.numbers(all).compactMap { $0 }
        #expect(numbers == numbers.sorted() && numbers.last == 600 && numbers.count > 300)
        #expect(bench.reports.count == 2 && bench.reports[1].contains("damaged bytes skipped"))
    }

    private func glob(_ pattern: String) -> [String]? {
        var found = glob_t()
        defer { globfree(&found) }
        guard Glibc.glob(pattern, 0, nil, &found) == 0 else { return nil }
        return (0..<Int(found.gl_pathc)).map { String(cString: found.gl_pathv[$0]!) }
    }

    // MARK: Other outputs

    private func file(_ text: String, _ flags: Int32) throws -> (path: String, descriptor: Int32) {
        let path = try folder.file("out", Array(text.utf8))
        return (path, open(path, flags | O_CLOEXEC))
    }

    private func contents(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        return String(decoding: bytes[..<max(0, read(descriptor, &bytes, bytes.count))], as: UTF8.self)
    }

    @Test(arguments: [("", ""), ("1 x 1\n", "1 x 1\n"), ("1 x 1\n2 xx", "1 x 1\n2 xx\n")])
    func aFileIsAppendedToByWholeLines(_ before: String, _ expected: String) throws {
        let (path, descriptor) = try file(before, O_WRONLY | O_APPEND)
        defer { close(descriptor) }
        let bench = try OutputBench(spool, to: descriptor)
        bench.append(3...2_000)
        #expect(bench.flush() && bench.output.isTaken && bench.output.close())
        #expect(contents(path) == expected + String(decoding: OutputBench.lines(3...2_000), as: UTF8.self))
    }

    @Test func aFullDeviceIsToldOfOnceAndRecordsGoToTheSpool() throws {
        let descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let bench = try OutputBench(spool, to: descriptor)
        for number in 1...50 {
            bench.append(number...number)
            bench.flush(after: 500)
        }
        #expect(bench.reports == ["stdout: cannot write: no space left on device; records go to the spool"])
        #expect(bench.output.spooledBytes > 0 && !bench.output.isReaderGone)
        #expect(bench.output.close())
    }

    @Test func aSocketIsNeverWaitedFor() throws {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        defer { close(ends[1]) }
        let bench = try OutputBench(spool, to: ends[1])
        bench.append(1...20_000)
        #expect(!bench.flush())
        bench.flush(after: 2_000)
        #expect(bench.output.spooledBytes > 0)
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while !bench.output.isEmpty {
            let count = recv(ends[0], &chunk, chunk.count, Int32(MSG_DONTWAIT))
            all += chunk.prefix(max(0, count))
            bench.flush()
        }
        while case let count = recv(ends[0], &chunk, chunk.count, Int32(MSG_DONTWAIT)), count > 0 { all += chunk.prefix(count) }
        #expect(all == OutputBench.lines(1...20_000))
        close(ends[0])
        bench.append(1...1)
        bench.flush()
        #expect(bench.output.isReaderGone && bench.output.close())
    }
}

@Suite struct LineBlocksTests {
    private static func parts(_ text: String, _ limit: Int) -> [String] {
        let bytes = Array(text.utf8)
        return LineBlocks.parts(of: bytes.span, limit: limit).map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    @Test(arguments: [
        ("", 4, []), ("ab\n", 4, ["ab\n"]), ("a\nb\nc\n", 4, ["a\nb\n", "c\n"]), ("a\nb\nc\n", 2, ["a\n", "b\n", "c\n"]),
        ("a\nbcdefg\nh\n", 4, ["a\n", "bcdefg\n", "h\n"]), ("abcdefg\n", 4, ["abcdefg\n"]), ("a\nb\n", 4, ["a\nb\n"]),
    ])
    func blocksAreWholeLines(_ text: String, _ limit: Int, _ expected: [String]) { #expect(Self.parts(text, limit) == expected) }
}

@Suite struct RecentLinesTests {
    @Test func lastLinesAreWholeAndMemoryIsBounded() {
        var random = Seeded.start()
        var recent = RecentLines(keeping: 500)
        var all: [UInt8] = []
        for number in 1...2_000 {
            let line = OutputBench.line(number, random.once(in: 50) ? 3_000 : random.int(0...60))
            // Written in pieces.
            let cut = random.int(0...line.count)
            for piece in [line[..<cut], line[cut...]] {
                piece.withUnsafeBytes { recent.append($0) }
                all += piece
                let wanted = random.int(0...500)
                let last = recent.last(wanted)
                let end = (all.lastIndex(of: 0x0a) ?? -1) + 1
                let start = (all[..<max(0, all.count - wanted)].lastIndex(of: 0x0a) ?? -1) + 1
                #expect(last == (start < end ? Array(all[start..<end]) : []), "seed \(random.seed)")
            }
            if all.count > 20_000 { all.removeFirst(all.count - 10_000) }
        }
    }

    @Test func nothingIsKeptForAFile() {
        var recent = RecentLines(keeping: 0)
        OutputBench.lines(1...10).withUnsafeBytes { recent.append($0) }
        #expect(recent.last(100) == [])
    }
}
