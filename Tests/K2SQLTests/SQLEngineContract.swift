import Dispatch
import Foundation
import K2Postgres
import K2SQL
import K2SQLite
import K2TestSupport
import Testing

extension TestDatabase {
    func open(port: Int? = nil, limits: PostgresEngine.Limits = .init()) throws -> any SQLEngine {
        switch kind {
        case .sqlite: try SQLiteEngine(path: path)
        case .postgres: try PostgresEngine(url: url(port: port), writerLock: 1, limits: limits)
        }
    }
}

/// What both engines must do.
struct SQLEngineContract {
    @Test(arguments: SQLKind.available) func `values come back as they were written`(_ kind: SQLKind) throws {
        try TestDatabase.with(kind) { place in
            let engine = try place.open()
            let d = engine.dialect
            try engine.runScript("CREATE TABLE t (n \(d.serial), i \(d.integer), r \(d.real), x \(d.text), b \(d.bytes), m \(d.time))")
            let rows: [[SQLValue]] = [
                [.integer(.max), .real(0.1), .text("naïve 'text' ?1 $1"), .bytes([0, 255, 39]), .time(1_771_372_800_023_596)],
                [.integer(.min), .real(-.greatestFiniteMagnitude), .text(""), .bytes([]), .time(-1)],
                [.null, .null, .null, .null, .null],
            ]
            for row in rows { #expect(try engine.write("INSERT INTO t (i, r, x, b, m) VALUES (?1, ?2, ?3, ?4, ?5)", row) == 1) }
            let found = try engine.read("SELECT i, r, x, b, m FROM t ORDER BY n")
            #expect(found.count == 3)
            for (row, expected) in zip(found, rows) {
                for column in 0..<4 { #expect(row[column] == expected[column]) }
                #expect(try row.optionalTime(4).map { .time($0) } ?? .null == expected[4])
            }
            #expect(try engine.read("SELECT i FROM t WHERE x = ?2 AND b = ?1", [.bytes([0, 255, 39]), .text("naïve 'text' ?1 $1")]).count == 1)
            #expect(try engine.read("SELECT i FROM t WHERE m > ?1", [.time(1_771_372_800_023_595)]).count == 1)
            #expect(try engine.write("UPDATE t SET i = ?1 WHERE r IS NOT NULL", [.integer(1)]) == 2)
            #expect(try engine.write("DELETE FROM t WHERE i = ?1", [.integer(5)]) == 0)
            let wrong = #expect(throws: SQLError.self) { _ = try found[0].text(0) }
            #expect(wrong?.message == "column 1: expected text, found an integer")
            #expect(#expect(throws: SQLError.self) { _ = try found[2].integer(0) }?.message == "column 1: expected an integer, found null")
        }
    }

    @Test(arguments: SQLKind.available) func `many rows go in at once`(_ kind: SQLKind) throws {
        try TestDatabase.with(kind) { place in
            let engine = try place.open()
            try engine.runScript("CREATE TABLE t (a \(engine.dialect.integer), b \(engine.dialect.text))")
            for count in [0, 1, 7, 8, 9, 600, 1_500] {
                try engine.write("DELETE FROM t", [])
                try engine.insert("INSERT INTO t (a, b)", (0..<count).map { [.integer(Int64($0)), .text("\($0)")] })
                let found = try engine.read("SELECT a, b FROM t ORDER BY a")
                #expect(try found.map { try $0.integer(0) } == (0..<Int64(count)).map { $0 } && found.allSatisfy { try $0.text(1) == "\($0.integer(0))" })
            }
        }
    }

    @Test(arguments: SQLKind.available) func `an error in a transaction leaves nothing behind`(_ kind: SQLKind) throws {
        try TestDatabase.with(kind) { place in
            let engine = try place.open()
            try engine.runScript("CREATE TABLE t (a \(engine.dialect.integer) PRIMARY KEY, b \(engine.dialect.integer) NOT NULL)")
            let insert = "INSERT INTO t (a, b) VALUES (?1, ?2)"
            let twice = #expect(throws: SQLError.self) {
                try engine.transaction { () throws(SQLError) in
                    for _ in 0..<2 { try engine.write(insert, [.integer(1), .integer(1)]) }
                }
            }
            #expect(twice?.code == .duplicate && twice?.isRetryable == false && twice?.message.hasPrefix("\(engine.name): insert into: ") == true)
            #expect(!engine.isInTransaction)
            #expect(#expect(throws: SQLError.self) { try engine.write(insert, [.integer(1), .null]) }?.code == .constraint)
            #expect(try engine.read("SELECT * FROM t").isEmpty)
            struct Refused: Error {}
            #expect(throws: Refused.self) {
                try engine.transaction({ () throws(any Error) in
                    try engine.write(insert, [.integer(1), .integer(1)])
                    throw Refused()
                }, orElse: { $0 })
            }
            #expect(try engine.read("SELECT * FROM t").isEmpty)
            try engine.transaction { () throws(SQLError) in _ = try engine.write(insert, [.integer(2), .integer(1)]) }
            #expect(try engine.read("SELECT * FROM t").count == 1)
            #expect(throws: SQLError.self) { _ = try engine.read("SELECT nonsense FROM t") }
            #expect(throws: SQLError.self) { try engine.runScript("CREATE TABLE u (a INTEGER); SELECT * FROM nowhere") }
            #expect(try engine.hasTable("t") && !engine.hasTable("v"))
        }
    }

    /// What a transaction has read cannot change before it writes.
    @Test(arguments: SQLKind.available) func `writers take turns`(_ kind: SQLKind) throws {
        try TestDatabase.with(kind) { place in
            try place.open().runScript("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (0)")
            let engines = try (0..<4).map { _ in Unshared(value: try place.open()) }
            DispatchQueue.concurrentPerform(iterations: engines.count) { number in
                let engine = engines[number].value
                for _ in 0..<20 {
                    try! engine.transaction { () throws(SQLError) in
                        let value = try engine.read("SELECT a FROM t").first!.integer(0)
                        try engine.write("UPDATE t SET a = ?1", [.integer(value + 1)])
                    }
                }
            }
            #expect(try place.open().read("SELECT a FROM t")[0].integer(0) == 80)
        }
    }

    @Test(arguments: SQLKind.available) func `a snapshot does not see what happens meanwhile`(_ kind: SQLKind) throws {
        try TestDatabase.with(kind) { place in
            let engine = try place.open()
            // SQLite's readers and its writer need this to go on side by side.
            if kind == .sqlite { _ = try engine.read("PRAGMA journal_mode = WAL") }
            try engine.runScript("CREATE TABLE t (a INTEGER)")
            let other = try place.open()
            try engine.snapshot { () throws(SQLError) in
                #expect(try engine.read("SELECT a FROM t").isEmpty)
                try other.write("INSERT INTO t VALUES (1)", [])
                #expect(try engine.read("SELECT a FROM t").isEmpty)
            }
            #expect(try engine.read("SELECT a FROM t").count == 1)
        }
    }
}

/// An engine that one thread at a time uses.
struct Unshared: @unchecked Sendable {
    let value: any SQLEngine
}
