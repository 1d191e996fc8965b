import Dispatch
import Foundation
import K2Postgres
import K2SQL
import K2TestSupport
import Testing

/// A URL and its errors need no server.
struct PostgresTargetTests {
    private func failure(_ body: () throws(SQLError) -> Void) -> SQLError? {
        do throws(SQLError) { try body() } catch { return error }
        return nil
    }

    @Test(arguments: [
        ("postgres://k2:s3cret@db.example:5433/lake", "postgres://db.example:5433/lake"),
        ("postgresql://db.example/lake?password=s3cret", "postgres://db.example:5432/lake"),
        ("postgres://a:1,b:2/lake?password=s3cret", "postgres://a,b:1,2/lake"),
        ("postgres:///lake?host=/run/s3cret", "postgres:///lake"),
    ])
    func `a name says where, and no secret`(_ url: String, _ name: String) throws {
        let target = try PostgresTarget(url: url)
        #expect(target.name == name && "\(target)" == name)
        var dumped = ""
        dump(target, to: &dumped)
        #expect(!dumped.contains("s3cret"))
    }

    @Test(arguments: [
        "mysql://k2:s3cret@db/lake", "host=db password=s3cret", "", "postgres://k2:s3cret%zz@db/lake", "postgres://k2:s3cret@[db/lake",
        "postgres://k2:s3cret@[db]x/lake", "postgres://k2@db/lake?s3cret=1", "postgres://k2@db/lake?password=s3cret&password", "postgres://k2:s3cret%00@db/",
        "postgres://k2@db/lake?password=s3cret=x",
    ])
    func `a URL that is none is refused without quoting it`(_ url: String) {
        let error = failure { () throws(SQLError) in _ = try PostgresTarget(url: url) }
        #expect(error?.message.hasPrefix("database url: ") == true && error?.isRetryable == false)
        #expect(error?.message.contains("s3cret") == false, "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false)
    }

    @Test func `a server that is not there can be tried again`() {
        let error = failure { () throws(SQLError) in _ = try PostgresEngine(url: "postgres://k2:s3cret@127.0.0.1:1/lake", writerLock: 1) }
        #expect(error == SQLError(.connection, "postgres://127.0.0.1:1/lake: connect: connection refused"))
        #expect(error?.isRetryable == true)
        let nowhere = failure { () throws(SQLError) in _ = try PostgresEngine(url: "postgres://k2.invalid/lake", writerLock: 1) }
        #expect(nowhere?.code == .connection && nowhere?.message.hasPrefix("postgres://k2.invalid:5432/lake: connect: could not translate host name") == true)
    }

    @Test func `a server that says nothing is given up`() throws {
        // A listener that never accepts: the kernel connects, nobody answers.
        let silent = try SilentListener()
        defer { withExtendedLifetime(silent) {} }
        let error = failure { () throws(SQLError) in _ = try PostgresEngine(url: "postgres://127.0.0.1:\(silent.port)/x?connect_timeout=1", writerLock: 1) }
        #expect(error == SQLError(.connection, "postgres://127.0.0.1:\(silent.port)/x: connect: no answer within 1 s"))
    }
}

@Suite(.serialized, .enabled(if: TestPostgres.isExpected, "needs PostgreSQL: apt-get install postgresql"))
struct PostgresEngineTests {
    private func failure(_ body: () throws(SQLError) -> Void) -> SQLError? {
        do throws(SQLError) { try body() } catch { return error }
        return nil
    }

    private func connect(_ url: String) -> SQLError? {
        failure { () throws(SQLError) in _ = try PostgresEngine(url: url, writerLock: 1) }
    }

    @Test func `refused logins say why, for good, and without the password`() throws {
        let server = try TestPostgres(password: "right-one")
        let name = "postgres://127.0.0.1:\(server.port)"
        #expect(connect(server.url()) == nil)
        #expect(
            connect(server.url(password: "wr0ng"))
                == SQLError(.denied, "\(name)/postgres: connect: password authentication failed for user \"postgres\" (28P01)"))
        #expect(connect(server.url(user: "nobody", password: "wr0ng"))?.code == .denied)
        #expect(connect(server.url(database: "nowhere")) == SQLError(.missing, "\(name)/nowhere: connect: database \"nowhere\" does not exist (3D000)"))
        let bare = "postgres://postgres@127.0.0.1:\(server.port)/postgres"
        #expect(connect(bare) == SQLError(.denied, "\(name)/postgres: connect: fe_sendauth: no password supplied"))
        #expect(connect(bare + "?sslmode=require")?.message == "\(name)/postgres: connect: server does not support SSL, but SSL was required")
        #expect(connect(bare + "?sslmode=require")?.code == .denied)
        // libpq takes it from a file as well.
        let folder = try TestFolder()
        let file = try folder.file("pgpass", Array("127.0.0.1:*:*:postgres:right-one\n".utf8))
        chmod(file, 0o600)
        #expect(connect(bare + "?passfile=\(file)") == nil)
    }

    @Test func `too many connections are a matter of time`() throws {
        let server = try TestPostgres.shared.get()
        try server.sql("CREATE ROLE lonely LOGIN CONNECTION LIMIT 1")
        let first = try PostgresEngine(url: server.url(user: "lonely"), writerLock: 1)
        let error = connect(server.url(user: "lonely"))
        #expect(error?.code == .busy && error?.isRetryable == true)
        #expect(error?.message.hasSuffix(": connect: too many connections for role \"lonely\" (53300)") == true)
        _ = try first.read("SELECT 1")
    }

    @Test func `a connection that was lost while nobody used it is made anew`() throws {
        try TestDatabase.with(.postgres) { place in
            let server = try TestPostgres.shared.get()
            let engine = try place.open()
            try engine.runScript("CREATE TABLE t (a INTEGER)")
            try server.disconnect(place.name)
            #expect(try engine.read("SELECT a FROM t").isEmpty)
            try server.disconnect(place.name)
            #expect(try engine.write("INSERT INTO t VALUES (1)", []) == 1)
            try server.disconnect(place.name)
            try engine.snapshot { () throws(SQLError) in #expect(try engine.read("SELECT a FROM t").count == 1) }
            try server.disconnect(place.name)
            try engine.transaction { () throws(SQLError) in #expect(try engine.read("SELECT a FROM t").count == 1) }
        }
    }

    @Test func `a transaction is lost with its connection, also when nobody minds`() throws {
        try TestDatabase.with(.postgres) { place in
            let engine = try place.open()
            try engine.runScript("CREATE TABLE t (a INTEGER)")
            let lost = failure { () throws(SQLError) in
                try engine.transaction { () throws(SQLError) in
                    try engine.write("INSERT INTO t VALUES (1)", [])
                    try? TestPostgres.shared.get().disconnect(place.name)
                    let first = failure { () throws(SQLError) in try engine.write("INSERT INTO t VALUES (2)", []) }
                    #expect(first?.code == .connection && first?.message.hasPrefix("\(engine.name): insert into: ") == true)
                    let next = failure { () throws(SQLError) in try engine.write("INSERT INTO t VALUES (3)", []) }
                    #expect(next?.message == "\(engine.name): the connection was lost before the commit: nothing is stored")
                }
            }
            #expect(lost == SQLError(.connection, "\(engine.name): the connection was lost before the commit: nothing is stored"))
            let failed = failure { () throws(SQLError) in
                try engine.transaction { () throws(SQLError) in
                    try engine.write("INSERT INTO t VALUES (1)", [])
                    _ = failure { () throws(SQLError) in try engine.write("INSERT INTO nowhere VALUES (2)", []) }
                }
            }
            #expect(failed == SQLError(.failed, "\(engine.name): commit: the transaction had failed before"))
            #expect(try engine.read("SELECT a FROM t").isEmpty)
        }
    }

    @Test func `a commit whose answer is lost is unknown, and what is read then is final`() throws {
        try TestDatabase.with(.postgres) { place in
            let proxy = try TestProxy(server: TestPostgres.shared.get().port)
            let engine = try place.open(port: proxy.port)
            try engine.runScript("CREATE TABLE t (a INTEGER)")
            for (number, verdict) in [TestProxy.Verdict.cutBefore, .cutAfter, .cutAndForwardLater(milliseconds: 400)].enumerated() {
                proxy.follow { statement, _ in statement == "COMMIT" ? verdict : .forward }
                let error = failure { () throws(SQLError) in try engine.write("INSERT INTO t VALUES (?1)", [.integer(Int64(number))]) }
                #expect(error?.code == .outcomeUnknown && error?.isRetryable == true)
                proxy.follow { _, _ in .forward }
                #expect(try engine.read("SELECT a FROM t").count == number)
            }
        }
    }

    /// A process that is killed with its commit on the way has a successor that must not look too early.
    @Test func `a new connection waits for commits that are on their way`() throws {
        try TestDatabase.with(.postgres) { place in
            let proxy = try TestProxy(server: TestPostgres.shared.get().port)
            let first = try place.open(port: proxy.port)
            try first.runScript("CREATE TABLE t (a INTEGER)")
            proxy.follow { statement, _ in statement == "COMMIT" ? .cutAndForwardLater(milliseconds: 500) : .forward }
            #expect(failure { () throws(SQLError) in try first.write("INSERT INTO t VALUES (1)", []) }?.code == .outcomeUnknown)
            #expect(try place.open().read("SELECT a FROM t").count == 1)
            proxy.follow { _, _ in .forward }
            var limits = PostgresEngine.Limits()
            limits.lock = 1
            try first.transaction { () throws(SQLError) in
                let url = try? place.url()
                let error = failure { () throws(SQLError) in _ = try PostgresEngine(url: url ?? "", writerLock: 1, limits: limits) }
                #expect(error?.code == .busy && error?.message.hasSuffix(": wait for earlier commits: canceling statement due to lock timeout (55P03)") == true)
                #expect(failure { () throws(SQLError) in _ = try PostgresEngine(url: url ?? "", writerLock: 2, limits: limits) } == nil)
            }
        }
    }

    @Test func `waiting has an end`() throws {
        try TestDatabase.with(.postgres) { place in
            var limits = PostgresEngine.Limits()
            limits.lock = 1
            limits.statement = 2
            let (holder, engine) = (try place.open(), try place.open(limits: limits))
            try holder.transaction { () throws(SQLError) in
                let error = failure { () throws(SQLError) in try engine.runScript("CREATE TABLE t (a INTEGER)") }
                #expect(error == SQLError(.busy, "\(engine.name): begin: canceling statement due to lock timeout (55P03)"))
            }
            let slow = failure { () throws(SQLError) in _ = try engine.read("SELECT pg_sleep(30)") }
            #expect(slow == SQLError(.busy, "\(engine.name): select pg_sleep: canceling statement due to statement timeout (57014)"))
            try engine.runScript("CREATE TABLE t (a INTEGER)")
        }
    }

    @Test func `notices go nowhere, and foreign types are refused by name`() throws {
        try TestDatabase.with(.postgres) { place in
            let engine = try place.open()
            try engine.runScript("DROP TABLE IF EXISTS nowhere; DO $$ BEGIN RAISE WARNING 'noise'; END $$")
            #expect(try engine.read("SELECT 1::int2, 2::int4, 'a'::varchar(5), true, 1.5::real, NULL::timestamptz").first?.values(6) == [
                .integer(1), .integer(2), .text("a"), .integer(1), .real(1.5), .null,
            ])
            #expect(failure { () throws(SQLError) in _ = try engine.read("SELECT 1::numeric") }?.message == "column 1: type 1700 is not read here")
            #expect(failure { () throws(SQLError) in _ = try engine.read("SELECT 'infinity'::timestamptz") }?.code == .failed)
            let zero = failure { () throws(SQLError) in _ = try engine.read("SELECT ?1", [.text("a\u{0}b")]) }
            #expect(zero?.code == .failed && zero?.message.contains("invalid byte sequence") == true)
            #expect(failure { () throws(SQLError) in _ = try engine.read("SELECT ?1", [.time(.min)]) }?.code == .failed)
        }
    }
}

extension SQLRow {
    fileprivate func values(_ count: Int) -> [SQLValue] { (0..<count).map { self[$0] } }
}

/// Connections to it are taken by the system and never answered.
private final class SilentListener {
    let port: Int
    private let listener: Int32

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length: socklen_t = 16
        let listener = listener
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, 16)
                _ = listen(listener, 4)
                _ = getsockname(listener, $0, &length)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(listener) }
}
