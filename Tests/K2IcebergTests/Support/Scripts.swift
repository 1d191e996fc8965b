import Foundation

/// Scripts for the foreign engines, in the folder `Python`; each prints one JSON document.
enum Scripts {
    /// Writes rows as Parquet for a table of ours and tells its size, extremes and pyiceberg's own statistics.
    static var writeParquet: String { text("write_parquet") }
    /// What pyiceberg finds in a table.
    static var describe: String { text("describe") }
    /// Appends a Parquet file's rows with pyiceberg.
    static var append: String { text("append") }
    /// Makes a table with pyiceberg that has every transform.
    static var createForeign: String { text("create_foreign") }
    /// Reads a table with DuckDB.
    static var duckDB: String { text("duckdb_scan") }
    /// Reads a table with the ClickHouse engine.
    static var clickHouse: String { text("clickhouse_scan") }

    /// Makes, fills and reads a table of any catalog with pyiceberg.
    static var anyCatalog: String { text("any_catalog") }

    private static func text(_ name: String) -> String {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Python/\(name).py")
        // A script that cannot be read fails where it is run, and says which one it was.
        return (try? String(contentsOf: file, encoding: .utf8)) ?? "raise SystemExit('no script \(name)')"
    }
}
