import Dispatch
import Foundation
import K2Domain
import K2SQL
import K2TestSupport
import Testing

@testable import K2StateStore

/// What only a server can do to a state store: several connections at once, and connections that are lost.
@Suite(.serialized, .enabled(if: TestPostgres.isExpected, "needs PostgreSQL: apt-get install postgresql"))
struct PostgresStateTests {
    private func time(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }

    private func run(_ table: String) -> RunRecord { RunRecord(table: table, batchID: "b-\(table)", startedAt: time(1), endedAt: time(2), status: "committed") }

    private func intent(_ table: String) -> Intent {
        Intent(
            batchID: "b-\(table)", table: table, createdAt: time(1), files: ["f"],
            ranges: [IdentityRange(exchange: "e", symbol: "s", first: 5, last: 9)], keys: [IdentityKey(digest: [UInt8](repeating: 7, count: 16), value: 1)])
    }

    // MARK: At the same time

    @Test(arguments: SQLKind.available) func `of many who want a lease one gets it`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let winners = Collected<String>()
            let stores = try (0..<8).map { _ in Unshared(try place.open()) }
            for round in 0..<25 {
                DispatchQueue.concurrentPerform(iterations: stores.count) { number in
                    do throws(StateStoreError) {
                        try stores[number].value.takeLease(table: "t\(round)", holder: "h\(number)", ttl: 60_000_000, now: time(0))
                        winners.add("t\(round)")
                    } catch { if error.code != .leaseHeld { winners.add("\(error)") } }
                }
            }
            #expect(winners.all.sorted() == (0..<25).map { "t\($0)" }.sorted(), "each table once")
        }
    }

    @Test(arguments: SQLKind.available) func `batches that are settled at the same time all count`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let problems = Collected<String>()
            let stores = try (0..<6).map { _ in Unshared(try place.open()) }
            DispatchQueue.concurrentPerform(iterations: stores.count) { number in
                do throws(StateStoreError) {
                    for batch in 0..<15 {
                        // Neighbours come from different connections.
                        let id = UInt64(batch * stores.count + number)
                        let name = "\(number)-\(batch)"
                        try stores[number].value.openIntent(
                            Intent(batchID: name, table: "t", createdAt: time(0), files: [], ranges: [IdentityRange(exchange: "e", symbol: "s", first: id, last: id)]))
                        try stores[number].value.settle(batchID: name, .committed, run: run("t"))
                    }
                } catch { problems.add("\(error)") }
            }
            #expect(problems.all == [])
            #expect(try place.open().loadedRanges(table: "t") == [IdentityRange(exchange: "e", symbol: "s", first: 0, last: 89)])
            #expect(try place.open().runs(table: "t", limit: 1_000).count == 90)
        }
    }

    // MARK: Lost connections

    /// One operation of a run: what comes before it, itself, and whether it is done.
    struct Operation: Sendable, CustomTestStringConvertible {
        var name: String
        var before: @Sendable (any StateStore, String) throws -> Void = { _, _ in }
        var act: @Sendable (any StateStore, String) throws(StateStoreError) -> Void
        var isDone: @Sendable (any StateStore, String) throws -> Bool
        /// What a repetition of an operation that had been done says.
        var done: StateStoreError.Code?

        var testDescription: String { name }
    }

    static let operations: [Operation] = {
        let tests = PostgresStateTests()
        @Sendable func mark(_ table: String) -> Watermark { Watermark(table: table, position: tests.time(7), status: "success", updatedAt: tests.time(8)) }
        return [
            Operation(
                name: "take a lease",
                act: { (store, table) throws(StateStoreError) in try store.takeLease(table: table, holder: "h", ttl: 9, now: tests.time(1)) },
                isDone: { try $0.currentLease(table: $1) != nil }),
            Operation(
                name: "release a lease", before: { try $0.takeLease(table: $1, holder: "h", ttl: 9, now: tests.time(1)) },
                act: { (store, table) throws(StateStoreError) in try store.releaseLease(table: table, holder: "h") },
                isDone: { try $0.currentLease(table: $1) == nil }),
            Operation(
                name: "open an intent", act: { (store, table) throws(StateStoreError) in try store.openIntent(tests.intent(table)) },
                isDone: { store, table in
                    let found = try store.openIntents(table: table)
                    #expect(found.isEmpty || found == [tests.intent(table)], "all of it or nothing")
                    return !found.isEmpty
                }, done: .intentExists),
            Operation(
                name: "settle", before: { try $0.openIntent(tests.intent($1)) },
                act: { (store, table) throws(StateStoreError) in
                    try store.settle(batchID: "b-\(table)", .committed, run: tests.run(table), watermark: mark(table))
                },
                isDone: { store, table in
                    let facts = try [
                        store.openIntents(table: table).isEmpty, store.loadedRanges(table: table) == tests.intent(table).ranges,
                        store.loadedValue(table: table, key: tests.intent(table).keys[0].digest) == 1, store.runs(table: table, limit: 9) == [tests.run(table)],
                        store.watermark(table: table) == mark(table),
                    ]
                    #expect(Set(facts).count == 1, "all of it or nothing: \(facts)")
                    return facts[0]
                }, done: .noSuchIntent),
            Operation(
                name: "set a watermark", act: { (store, table) throws(StateStoreError) in try store.setWatermark(mark(table)) },
                isDone: { try $0.watermark(table: $1) != nil }),
        ]
    }()

    enum Loss: String, CaseIterable, Sendable {
        case beforeTheServer, afterTheServer, afterAWhile, terminated
    }

    @Test(arguments: operations, Loss.allCases) func `a connection that is lost at any statement does nothing by halves`(_ operation: Operation, _ loss: Loss) throws {
        try TestDatabase.with(.postgres) { place in
            let server = try TestPostgres.shared.get()
            let (direct, database) = (try place.open(), place.name)
            let proxy = try TestProxy(server: server.port)
            let store = try SQLStateStore(postgres: place.url(port: proxy.port))
            for number in 0..<100 {
                let table = "t\(number)"
                try operation.before(direct, table)
                proxy.follow { _, statement in
                    if statement != number { return .forward }
                    switch loss {
                    case .beforeTheServer: return .cutBefore
                    case .afterTheServer: return .cutAfter
                    case .afterAWhile: return .cutAndForwardLater(milliseconds: 100)
                    case .terminated:
                        try? server.disconnect(database)
                        return .forward
                    }
                }
                let failure = attempt { () throws(StateStoreError) in try operation.act(store, table) }
                if proxy.count <= number {
                    #expect(number > 2, "begin, something and commit")
                    return
                }
                // The first look is through the store that failed: what it finds is final.
                let isDone = try operation.isDone(store, table)
                #expect(failure == nil || failure?.isRetryable == true, "\(number): \(failure?.message ?? "")")
                if failure?.code != .outcomeUnknown { #expect(isDone == (failure == nil), "\(number): \(failure?.message ?? "")") }
                let again = attempt { () throws(StateStoreError) in try operation.act(store, table) }
                #expect(again?.code == (isDone ? operation.done : nil), "\(number): \(again?.message ?? "")")
                #expect(try operation.isDone(direct, table))
            }
            Issue.record("an operation of a hundred statements")
        }
    }

    @Test func `what is read after a lost commit waits for its end`() throws {
        try TestDatabase.with(.postgres) { place in
            let proxy = try TestProxy(server: TestPostgres.shared.get().port)
            let store = try SQLStateStore(postgres: place.url(port: proxy.port))
            proxy.follow { statement, _ in statement == "COMMIT" ? .cutAndForwardLater(milliseconds: 700) : .forward }
            let failure = attempt { () throws(StateStoreError) in try store.openIntent(intent("t")) }
            #expect(failure?.code == .outcomeUnknown && failure?.isRetryable == true)
            #expect(failure?.message.hasPrefix("postgres://127.0.0.1:\(proxy.port)/\(place.name): commit: ") == true)
            #expect(failure?.message.hasSuffix(": outcome unknown") == true)
            proxy.follow { _, _ in .forward }
            // About now the server has not got the commit yet.
            #expect(try store.openIntents(table: nil) == [intent("t")])
        }
    }

    @Test func `a server that is killed has settled all or nothing`() throws {
        let server = try TestPostgres()
        let proxy = try TestProxy(server: server.port)
        let direct = try SQLStateStore(postgres: server.url())
        let store = try SQLStateStore(postgres: server.url(port: proxy.port))
        let operation = Self.operations[3]
        // Statement 0 is BEGIN. The commit is lost on its way to the server, and on the way back.
        for (number, kill) in ["BEGIN", "INSERT INTO offload_runs", "COMMIT", "COMMIT"].enumerated() {
            let table = "t\(number)"
            try operation.before(direct, table)
            proxy.follow { statement, _ in
                guard statement.hasPrefix(kill) else { return .forward }
                if number != 3 { try? server.kill() }
                return .cutAfter
            }
            let failure = attempt { () throws(StateStoreError) in try operation.act(store, table) }
            #expect(failure?.isRetryable == true && (failure?.code == .outcomeUnknown) == (number > 1), "\(failure?.message ?? "done")")
            if number == 3 { try server.kill() }
            proxy.follow { _, _ in .forward }
            let down = attempt { () throws(StateStoreError) in _ = try store.runs(table: nil, limit: 1) }
            #expect(down?.code == .storage && down?.isRetryable == true, "\(down?.message ?? "up")")
            try server.start()
            let isDone = try operation.isDone(store, table)
            #expect(isDone == (number == 3))
            #expect(attempt { () throws(StateStoreError) in try operation.act(store, table) }?.code == (isDone ? .noSuchIntent : nil))
            #expect(try operation.isDone(direct, table))
        }
    }

    // MARK: Permissions and types

    @Test func `who may only read sees everything and is told so at the first change`() throws {
        try TestDatabase.with(.postgres) { place in
            let server = try TestPostgres.shared.get()
            let role = "reader_\(place.name)"
            let url = server.url(database: place.name, user: role)
            try server.sql("CREATE ROLE \(role) LOGIN", database: place.name)
            let early = attempt { () throws(StateStoreError) in _ = try SQLStateStore(postgres: url) }
            #expect(early?.message.hasSuffix("permission denied for schema public (42501)") == true && early?.isRetryable == false)
            try place.open().setWatermark(Watermark(table: "t", position: time(1), status: "success", updatedAt: time(1)))
            try server.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(role)", database: place.name)
            let store = try SQLStateStore(postgres: url)
            #expect(try store.watermarks().count == 1)
            let failure = attempt { () throws(StateStoreError) in _ = try store.takeLease(table: "t", holder: "h", ttl: 1, now: time(0)) }
            #expect(failure?.message == "postgres://127.0.0.1:\(server.port)/\(place.name): insert into: permission denied for table offload_leases (42501)")
            #expect(failure?.isRetryable == false && failure?.code == .storage)
        }
    }

    @Test func `people see times as times`() throws {
        try TestDatabase.with(.postgres) { place in
            let server = try TestPostgres.shared.get()
            let store = try place.open()
            let moment = Timestamp(microseconds: 1_771_372_800_023_596)
            try store.setWatermark(
                Watermark(table: "t", position: moment, status: "success", lastSuccess: moment, lastDuration: 1_500_000, updatedAt: moment))
            try store.record(RunRecord(table: "t", startedAt: moment, endedAt: moment, status: "empty", windowFrom: moment))
            let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name LIKE 'offload%' AND data_type = 'timestamp with time zone'"
            #expect(try server.sql(columns, database: place.name) == "13")
            let shown = "2026-02-18 00:00:00.023596+00"
            let watermark = "SET TimeZone = 'UTC'; SELECT last_offload_timestamp, last_successful_run, last_run_duration_seconds FROM offload_watermarks"
            #expect(try server.sql(watermark, database: place.name) == "\(shown)|\(shown)|1.5")
            #expect(try server.sql("SET TimeZone = 'UTC'; SELECT started_at, window_from, window_to FROM offload_runs", database: place.name) == "\(shown)|\(shown)|")
        }
    }

    private func attempt(_ body: () throws(StateStoreError) -> Void) -> StateStoreError? {
        do throws(StateStoreError) { try body() } catch { return error }
        return nil
    }
}

/// What several threads found.
private final class Collected<T: Sendable>: @unchecked Sendable {
    // Guarded by the lock.
    private var items: [T] = []
    private let lock = NSLock()
    func add(_ item: T) { lock.withLock { items.append(item) } }
    var all: [T] { lock.withLock { items } }
}

/// A store that one thread at a time uses.
private struct Unshared: @unchecked Sendable {
    let value: any StateStore
    init(_ value: any StateStore) { self.value = value }
}
