import K2StateStore
import K2TestSupport

enum StateEngine: String, CaseIterable, Sendable {
    case sqlite, postgres

    /// PostgreSQL's server is left out where it is not installed, but never in CI.
    static let available = allCases.filter { $0 == .sqlite || TestPostgres.isExpected }
}

/// A place for a state store that is empty at first: a file in a folder of its own, or a database of its own.
final class StatePlace {
    let engine: StateEngine
    private let folder: TestFolder
    /// Name of the database on the shared server.
    let database: String

    /// Runs `body` with a place that goes away after it.
    static func with<R>(_ engine: StateEngine, _ body: (StatePlace) throws -> R) throws -> R {
        let place = try StatePlace(engine)
        return try withExtendedLifetime(place) { try body(place) }
    }

    private init(_ engine: StateEngine) throws {
        self.engine = engine
        folder = try TestFolder()
        database = engine == .postgres ? try TestPostgres.shared.get().makeDatabase() : ""
    }

    var path: String { folder.path + "/state.db" }
    func url(port: Int? = nil) throws -> String { try TestPostgres.shared.get().url(database: database, port: port) }

    /// A store with a connection of its own.
    func open() throws -> SQLStateStore {
        switch engine {
        case .sqlite: try SQLStateStore(path: path)
        case .postgres: try SQLStateStore(postgres: url())
        }
    }
}
