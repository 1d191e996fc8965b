public enum SQLKind: String, CaseIterable, Sendable {
    case sqlite, postgres

    /// PostgreSQL is left out where it is not installed, but never in CI.
    public static let available = allCases.filter { $0 == .sqlite || TestPostgres.isExpected }
}

/// A place for tables that is empty at first: a file in a folder of its own, or a database of its own on the shared server.
public final class TestDatabase {
    public let kind: SQLKind
    /// Of the database on the server.
    public let name: String
    private let folder: TestFolder

    /// Runs `body` with a place that goes away after it.
    public static func with<R>(_ kind: SQLKind, _ body: (TestDatabase) throws -> R) throws -> R {
        let place = try TestDatabase(kind)
        return try withExtendedLifetime(place) { try body(place) }
    }

    private init(_ kind: SQLKind) throws {
        self.kind = kind
        folder = try TestFolder()
        name = kind == .postgres ? try TestPostgres.shared.get().makeDatabase() : ""
    }

    // A hundred of them would fill a gigabyte.
    deinit {
        if kind == .postgres { _ = try? TestPostgres.shared.get().sql("DROP DATABASE \(name) WITH (FORCE)") }
    }

    public var path: String { folder.path + "/test.db" }
    public func url(port: Int? = nil) throws -> String { try TestPostgres.shared.get().url(database: name, port: port) }
}
