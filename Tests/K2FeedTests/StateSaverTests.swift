import Glibc
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2NDJSON
import K2TestSupport
import K2WebSocket
import Testing

@testable import K2Feed

@Suite struct StateSaverTests {
    /// A saver on loops of its own.
    private final class Bench: @unchecked Sendable {
        // Unchecked: touched on the loop only.
        let path: String
        let loop = IOLoop()
        let worker = IOLoop()
        let saver: StateSaver
        private var messages: [String] = []
        private var offered = 0

        init(_ path: String) {
            self.path = path
            saver = StateSaver(path: path, worker: worker, loop: loop)
            saver.onReport = { [unowned self] in messages.append($0) }
        }

        /// Not at the end of the object: that may come on a loop, which cannot wait for itself.
        func close() {
            worker.close()
            loop.close()
        }

        /// Offers a state with trade `id`; waits until nothing is being written.
        func offer(_ id: UInt64, at position: Int64, safe: Int64) {
            loop.runAndWait {
                self.saver.offer(self.make(id), at: position, safe: safe)
            }
            worker.runAndWait {}
            loop.runAndWait {}
        }

        private func make(_ id: UInt64) -> CaptureState {
            offered += 1
            return StateSaverTests.state(id)
        }

        /// The id in the file, or nil when there is none.
        var saved: UInt64? { (try? StateSaver.load(path, exchange: .kraken))?.symbols.first?.newest.id }
        var reports: [String] { loop.runAndWait { self.messages } }
        /// How often a state was asked for.
        var made: Int { loop.runAndWait { self.offered } }
    }

    private static func state(_ id: UInt64) -> CaptureState {
        let newest = RefillAnchor(id: id, time: Timestamp(microseconds: 1_771_372_800_000_000))
        return CaptureState(exchange: .kraken, symbols: [CaptureState.Symbol(name: "BTC/USD", newest: newest, holes: [])])
    }

    @Test func aStateIsSavedWhenItsRecordsAreSafe() throws {
        let folder = try TestFolder()
        let bench = Bench(folder.path + "/state.json")
        defer { bench.close() }
        #expect(bench.saved == nil)
        bench.offer(1, at: 100, safe: 100)
        #expect(bench.saved == 1)
        // Not safe: it waits, and newer ones do not take its place, or none would ever be saved.
        bench.offer(2, at: 200, safe: 150)
        bench.offer(3, at: 300, safe: 199)
        #expect(bench.saved == 1 && bench.made == 2)
        bench.offer(4, at: 400, safe: 200)
        #expect(bench.saved == 2)
        // The one that came then waits now.
        bench.offer(5, at: 500, safe: 399)
        #expect(bench.saved == 2)
        bench.offer(6, at: 600, safe: 600)
        #expect(bench.saved == 6 && bench.reports == [])
    }

    @Test func aStateNeverCountsWhatIsNotSafe() throws {
        var random = Seeded.start()
        let folder = try TestFolder()
        let bench = Bench(folder.path + "/state.json")
        defer { bench.close() }
        var (position, safe): (Int64, Int64) = (0, 0)
        for _ in 0..<200 {
            position += Int64(random.int(0...5))
            safe = Int64(random.int(Int(safe)...Int(position)))
            // The state at a position holds that position.
            bench.offer(UInt64(position), at: position, safe: safe)
            #expect(bench.saved ?? 0 <= UInt64(safe), "seed \(random.seed)")
        }
        bench.offer(UInt64(position), at: position, safe: position)
        #expect(bench.saved == UInt64(position))
    }

    @Test func aFailureIsToldOfOnceAndTheStateIsSavedLater() throws {
        let folder = try TestFolder()
        let bench = Bench(folder.path + "/missing/state.json")
        defer { bench.close() }
        for _ in 0..<3 { bench.offer(1, at: 1, safe: 1) }
        #expect(bench.reports == ["\(folder.path)/missing/state.json.new: cannot write: no such file or directory; trying again"])
        #expect(mkdir(folder.path + "/missing", 0o755) == 0)
        bench.offer(1, at: 1, safe: 1)
        #expect(bench.saved == 1)
    }

    /// The last state is written while another one is on its way.
    @Test func theLastStateStays() throws {
        let folder = try TestFolder()
        let bench = Bench(folder.path + "/state.json")
        defer { bench.close() }
        for id in UInt64(1)...50 {
            bench.loop.runAndWait {
                bench.saver.offer(Self.state(id), at: 1, safe: 1)
                #expect(throws: Never.self) { try bench.saver.finish(Self.state(id + 1_000)) }
            }
            #expect(bench.saved == id + 1_000)
        }
        #expect(bench.reports == [])
        #expect(access(folder.path + "/state.json.new", F_OK) != 0)
    }

    @Test func theEndTellsThatTheStateIsNotSaved() throws {
        let folder = try TestFolder()
        let bench = Bench(folder.path + "/missing/state.json")
        defer { bench.close() }
        #expect(throws: StreamError(.writeFailed, name: folder.path + "/missing/state.json.new", errno: ENOENT)) { try bench.saver.finish(Self.state(1)) }
    }

    @Test func anotherFileIsNotTakenForAState() throws {
        let folder = try TestFolder()
        #expect(try StateSaver.load(folder.path + "/none", exchange: .kraken) == nil)
        let path = try folder.file("other", Array("{}\n".utf8))
        do throws(ToolFailure) {
            _ = try StateSaver.load(path, exchange: .kraken)
            Issue.record("read as a state")
        } catch {
            #expect(error.status == .usage && error.message.hasPrefix("\(path): not a state file of k2-feed live: ") && error.hint != nil)
        }
    }
}
