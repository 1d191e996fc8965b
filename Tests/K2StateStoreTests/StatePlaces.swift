import K2StateStore
import K2TestSupport

extension TestDatabase {
    /// A store with a connection of its own.
    func open() throws -> SQLStateStore {
        switch kind {
        case .sqlite: try SQLStateStore(path: path)
        case .postgres: try SQLStateStore(postgres: url())
        }
    }
}
