import Glibc
import K2WebSocket
import Testing

@Suite(.timeLimit(.minutes(2))) struct IOLoopTests {
    struct Refused: Error {}

    @Test func runsBodiesOnItsThreadInOrder() async throws {
        try await withLoop { loop in
            let numbers = Mailbox<Int>()
            #expect(!loop.isCurrent)
            for number in 0..<100 { loop.run { numbers.put(number) } }
            #expect(loop.runAndWait { loop.isCurrent })
            for number in 0..<100 {
                let next = try await numbers.next()
                #expect(next == number)
            }
            #expect(throws: Refused.self) { try loop.runAndWait { () throws(Refused) in throw Refused() } }
        }
    }

    @Test func timersRunAndAreCancelled() async throws {
        try await withLoop { loop in
            let fired = Mailbox<String>()
            loop.schedule(after: 20_000) { fired.put("late") }
            loop.schedule(after: -5) { fired.put("early") }
            let cancelled = loop.schedule(after: 5_000) { fired.put("never") }
            cancelled.cancel()
            #expect(try await fired.next() == "early")
            #expect(try await fired.next() == "late")
            let ticks = Mailbox<Int>()
            let timer = loop.every(1_000) { ticks.put(1) }
            for _ in 0..<3 { #expect(try await ticks.next() == 1) }
            loop.runAndWait { timer.cancel() }
            let count = ticks.count
            try await Task.sleep(for: .milliseconds(30))
            #expect(ticks.count == count)
        }
    }

    @Test func tellsOnceWhenADescriptorTurnsReadable() async throws {
        try await withLoop { loop in
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            let told = Mailbox<Bool>()
            loop.whenReadable(ends[0]) { told.put(loop.isCurrent) }
            try await Task.sleep(for: .milliseconds(50))
            #expect(told.count == 0)
            _ = write(ends[1], "xy", 2)
            #expect(try await told.next())
            try await Task.sleep(for: .milliseconds(50))
            #expect(told.count == 0)
            // Nothing was read, so a second wait is over at once; so is one for the end of a pipe.
            loop.whenReadable(ends[0]) { told.put(true) }
            #expect(try await told.next())
            var other: [Int32] = [0, 0]
            #expect(pipe(&other) == 0)
            loop.whenReadable(other[0]) { told.put(true) }
            close(other[1])
            #expect(try await told.next())
            for end in ends + [other[0]] { close(end) }
        }
    }

    @Test func closesWithDescriptorsAndConnectionsStillOpen() async throws {
        let loop = IOLoop()
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        loop.whenReadable(ends[0]) {}
        let peer = Peer()
        let server = try HTTPServer.listen(host: "127.0.0.1", port: 0, identity: nil, on: loop, service: Service(accept: { _ in .accept(peer) }))
        let client = try Client(on: loop, to: "ws://127.0.0.1:\(server.port)/")
        #expect(try await client.events.next() == .opened)
        loop.schedule(after: 3_600_000_000) {}
        loop.close()
        loop.close()
        for end in ends { close(end) }
    }
}
