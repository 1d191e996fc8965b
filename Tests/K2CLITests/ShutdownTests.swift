import Glibc
import K2CLI
import Testing

/// Signals belong to the whole process.
@Suite(.serialized) struct ShutdownTests {
    @Test func everyHangUpCounts() {
        Shutdown.acceptReload()
        let before = Shutdown.reloadCount
        for count in 1...3 {
            #expect(kill(getpid(), SIGHUP) == 0)
            // Any thread may take it.
            for _ in 0..<5_000 where Shutdown.reloadCount < before + count { usleep(1_000) }
            #expect(Shutdown.reloadCount == before + count)
        }
        // It is no request to stop.
        #expect(Shutdown.signalNumber == nil)
    }

    @Test func withoutHandlersNothingIsAskedFor() { #expect(Shutdown.descriptor == -1 && Shutdown.signalNumber == nil) }
}
