import K2Capture
import K2Domain
import K2Exchanges
import K2TestSupport
import K2WebSocket
import Testing

@testable import K2Feed

@Suite struct StateSaverTests {
    private static func state(_ id: UInt64) -> CaptureState {
        let symbols = (0..<50).map { number in
            CaptureState.Symbol(name: "A\(number)USDT", newest: RefillAnchor(id: id, time: Timestamp(microseconds: 1)), holes: [])
        }
        return CaptureState(exchange: .binance, symbols: symbols)
    }

    /// The end may come while a save is under way on the other thread; both write the same file aside.
    @Test func theLastStateIsSavedBehindTheOneUnderWay() throws {
        let folder = try TestFolder()
        let path = folder.path + "/state.json"
        let (loop, worker) = (IOLoop(), IOLoop())
        for round: UInt64 in 1...50 {
            let saver = StateSaver(path: path, worker: worker, loop: loop)
            saver.offer(Self.state(2 * round), at: 0, safe: 0)
            try saver.finish(Self.state(2 * round + 1))
            #expect(try StateSaver.load(path, exchange: .binance) == Self.state(2 * round + 1))
        }
    }
}
