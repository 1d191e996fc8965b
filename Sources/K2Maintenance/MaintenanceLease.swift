import K2Lake
import K2StateStore

/// Keeps two maintenance runs of one table apart. It is a lease of its own beside the one that loads take, so that a compaction of minutes does not
/// hold loading back: what both change at once is settled by the catalog.
enum MaintenanceLease {
    /// The name under which the lease of `table` stands in the state store.
    static func name(_ table: String) -> String { "maintain:\(table)" }
}
