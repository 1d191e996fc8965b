import Foundation
import K2SQLite
import Testing

private func temporaryPath() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("k2-sqlite-\(UUID().uuidString).db").path
}

struct SQLiteDatabaseTests {
    @Test func `values of every kind come back as they were bound`() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let database = try SQLiteDatabase(path: path)
        try database.run("CREATE TABLE t (a INTEGER, b TEXT, c BLOB, d TEXT)")
        let insert = try database.prepare("INSERT INTO t VALUES (?, ?, ?, ?)")
        try insert.bind(Int64.min, at: 1)
        try insert.bind("naïve\u{0}text", at: 2)
        try insert.bind([0, 255, 1], at: 3)
        try insert.bind(nil as String?, at: 4)
        try insert.runOnce()
        try insert.bind(Int64.max, at: 1)
        try insert.bind("", at: 2)
        try insert.bind([] as [UInt8], at: 3)
        try insert.bind("x", at: 4)
        try insert.runOnce()
        #expect(database.changes == 1 && database.lastInsertedRow == 2)
        let select = try database.prepare("SELECT a, b, c, d FROM t ORDER BY rowid")
        #expect(try select.step())
        #expect(select.int64(0) == .min && select.text(1) == "naïve\u{0}text" && select.blob(2) == [0, 255, 1])
        #expect(select.isNull(3) && select.optionalText(3) == nil && select.optionalInt64(3) == nil)
        #expect(try select.step())
        #expect(select.int64(0) == .max && select.optionalText(1) == "" && select.blob(2) == [] && !select.isNull(2))
        #expect(try !select.step())
    }

    @Test func `a file that is no database is refused in one line`() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("this is text, and long enough to be taken for a header of something else entirely".utf8).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: SQLiteError.self) { _ = try SQLiteDatabase(path: path).path }
        #expect(error?.description == "\(path): not a database")
        #expect(error?.isNotADatabase == true && error?.isRetryable == false)
    }

    @Test func `a missing folder and a folder in place of the file are named`() throws {
        let missing = #expect(throws: SQLiteError.self) { _ = try SQLiteDatabase(path: "/nonexistent-k2/a.db").path }
        #expect(missing?.description == "/nonexistent-k2/a.db: cannot open: no such file or directory")
        let folder = #expect(throws: SQLiteError.self) { _ = try SQLiteDatabase(path: "/").path }
        #expect(folder?.description.hasPrefix("/: cannot open") == true)
    }

    @Test func `an error in a transaction leaves nothing behind`() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let database = try SQLiteDatabase(path: path)
        try database.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        let error = #expect(throws: SQLiteError.self) {
            try database.transaction { (database) throws(SQLiteError) in
                try database.run("INSERT INTO t VALUES (1)")
                try database.run("INSERT INTO t VALUES (1)")
            }
        }
        #expect(error?.isConstraintViolation == true)
        #expect(error?.description == "\(path): insert into: UNIQUE constraint failed: t.a")
        let count = try database.prepare("SELECT count(*) FROM t")
        #expect(try count.step())
        #expect(count.int64(0) == 0)
        try database.transaction { (database) throws(SQLiteError) in try database.run("INSERT INTO t VALUES (2)") }
    }

    @Test func `a lock held by another connection is retryable`() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = try SQLiteDatabase(path: path)
        try first.run("CREATE TABLE t (a INTEGER)")
        let second = try SQLiteDatabase(path: path, busyTimeout: 20)
        try first.run("BEGIN IMMEDIATE")
        let error = #expect(throws: SQLiteError.self) { try second.run("INSERT INTO t VALUES (1)") }
        #expect(error?.isRetryable == true)
        #expect(error?.description == "\(path): insert into: locked by another connection")
        try first.run("COMMIT")
        try second.run("INSERT INTO t VALUES (1)")
    }

    @Test func `write-ahead logging can be asked for and a read-only connection cannot write`() throws {
        let path = temporaryPath()
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        let writer = try SQLiteDatabase(path: path, journal: .writeAheadLog)
        try writer.run("CREATE TABLE t (a INTEGER)")
        let mode = try writer.prepare("PRAGMA journal_mode")
        #expect(try mode.step())
        #expect(mode.text(0) == "wal")
        let reader = try SQLiteDatabase(path: path, access: .readOnly)
        let error = #expect(throws: SQLiteError.self) { try reader.run("INSERT INTO t VALUES (1)") }
        #expect(error?.description == "\(path): insert into: database or its folder is read-only")
    }
}
