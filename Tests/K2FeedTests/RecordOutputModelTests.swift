import Glibc
import K2Bytes
import K2TestSupport
import Testing

@testable import K2Feed

/// The output against a model, over many runs on one spool: readers that are slow, stall or leave, spools that fail or are too small,
/// orderly ends and kills. What the state file would count is delivered, or told to be lost.
@Suite struct RecordOutputModelTests {
    private struct Model {
        var random: Seeded
        let folder: TestFolder
        let limit: Int
        var bench: OutputBench
        /// The number of the next record, and by the last saved state.
        var next = 1
        var savedNext = 1
        /// A state that waits until its records are safe.
        var waiting: (position: Int64, next: Int)?
        var appended: Int64 = 0
        /// What this run's reader got, and what came of the readers before.
        var read: [UInt8] = []
        var delivered: [Int] = []
        var isHidden = false

        var spool: String { folder.path + "/spool" }

        init(_ random: Seeded) throws {
            self.random = random
            folder = try TestFolder()
            limit = self.random.pick([1 << 20, 40_000])
            bench = try OutputBench(folder.path + "/spool", limit: limit, policy: Self.policy)
        }

        /// Files that cannot be read for a while come back.
        static let policy = {
            var policy = OutputBench.policy
            policy.readPatience = .max
            return policy
        }()
    }

    @Test func nothingIsLostSilently() throws {
        var random = Seeded.start()
        for round in 0..<15 {
            var model = try Model(Seeded(random.next()))
            for step in 0..<250 {
                try Self.step(&model)
                let output = model.bench.output!
                #expect(output.safe <= output.position && output.position >= model.appended, "seed \(random.seed), round \(round), step \(step)")
            }
            try Self.finish(&model, "seed \(random.seed), round \(round)")
        }
    }

    private static func step(_ model: inout Model) throws {
        let bench = model.bench
        switch model.random.int(0...99) {
        case 0..<45: append(&model)
        case 45..<65: bench.flush(after: Int64(model.random.int(0...1_500)))
        case 65..<82: model.read += bench.pipe.read(model.random.int(1...6_000))
        case 82..<92: save(&model)
        // Files that have to be dropped while they cannot be read are lost untold.
        case 92..<94: if model.limit > 100_000 { hide(&model, !model.isHidden) }
        case 94..<96: try restart(&model, isOrderly: true)
        case 96..<98: try restart(&model, isOrderly: false)
        default:
            if model.random.once(in: 2) { model.read += bench.pipe.read(model.random.int(1...6_000)) }
            bench.pipe.closeRead()
            bench.flush()
            try restart(&model, isOrderly: true)
        }
        if bench === model.bench, bench.output.isReaderGone { try restart(&model, isOrderly: true) }
    }

    private static func append(_ model: inout Model) {
        for _ in 0..<model.random.int(1...12) {
            let line = OutputBench.line(model.next, model.random.once(in: 40) ? 6_000 : model.random.int(0...200))
            model.bench.output.tail.append(line)
            model.appended += Int64(line.count)
            model.next += 1
        }
        if model.random.once(in: 2) { model.bench.flush(after: Int64(model.random.int(0...300))) }
    }

    /// As the saver of states does it.
    private static func save(_ model: inout Model) {
        let output = model.bench.output!
        if model.waiting == nil { model.waiting = (output.position, model.next) }
        if let waiting = model.waiting, output.safe >= waiting.position {
            model.savedNext = waiting.next
            model.waiting = nil
        }
    }

    private static func hide(_ model: inout Model, _ isHidden: Bool) {
        if isHidden != model.isHidden {
            let (from, to) = isHidden ? (model.spool, model.spool + ".away") : (model.spool + ".away", model.spool)
            #expect(rename(from, to) == 0)
        }
        model.isHidden = isHidden
    }

    /// An end or a kill, and a new run that fetches again what the saved state does not count.
    private static func restart(_ model: inout Model, isOrderly: Bool) throws {
        if isOrderly {
            if model.bench.output.close() { model.savedNext = model.next }
        } else {
            save(&model)
        }
        model.bench.kill()
        hide(&model, false)
        // After a kill the reader still gets what is in the pipe; after an end it may leave without.
        if !isOrderly || model.random.once(in: 2), model.bench.pipe.readEnd >= 0 { model.read += model.bench.pipe.read(1 << 16) }
        endRead(&model)
        model.bench = try OutputBench(model.spool, limit: model.limit, policy: Model.policy)
        (model.next, model.waiting, model.appended) = (model.savedNext, nil, 0)
    }

    /// The reader's pipe has ended: a half line is none.
    private static func endRead(_ model: inout Model) {
        let numbers = OutputBench.numbers(model.read + (model.read.last == 0x0a ? [] : [0x0a]))
        let whole = model.read.last == 0x0a || model.read.isEmpty ? numbers : numbers.dropLast()
        #expect(!whole.contains(nil), "a broken line")
        model.delivered += whole.compactMap { $0 }
        model.read = []
    }

    private static func finish(_ model: inout Model, _ note: Comment) throws {
        hide(&model, false)
        // Until the spool is tried again.
        for _ in 0..<3 {
            model.bench.flush(after: 2_000)
            model.read += model.bench.readAll()
        }
        #expect(model.bench.output.isEmpty && model.bench.output.safe == model.bench.output.position, note)
        endRead(&model)
        check(model.delivered, upTo: model.next, note)
    }

    private static func check(_ delivered: [Int], upTo next: Int, _ note: Comment) {
        let got = Set(delivered)
        let missing = (1..<next).filter { !got.contains($0) && !got.contains(-$0) }
        #expect(missing == [], note)
        // In order: a number is new only when it is the greatest so far, unless it was told to be lost.
        var highest = 0
        var seen: Set<Int> = []
        for number in delivered where number > 0 && seen.insert(number).inserted {
            #expect(number > highest || got.contains(-number), note)
            highest = max(highest, number)
        }
    }
}
