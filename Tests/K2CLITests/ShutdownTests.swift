import Glibc
import K2CLI
import Testing

/// Signals belong to the whole process.
@Suite(.serialized) struct ShutdownTests {
    @Test func everyHangUpCounts() {
        Shutdown.acceptReload()
        let before = Shutdown.reloadCount
        for count in 1...3 {
            #expect(raise(SIGHUP) == 0)
            #expect(Shutdown.reloadCount == before + count)
        }
        // It is no request to stop.
        #expect(Shutdown.signalNumber == nil)
    }

    @Test func withoutHandlersNothingIsAskedFor() { #expect(Shutdown.descriptor == -1 && Shutdown.signalNumber == nil) }
}
