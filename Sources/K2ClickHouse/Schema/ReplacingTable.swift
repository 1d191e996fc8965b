/// One `ReplacingMergeTree` table: a row replaces those with the same key. In a cluster it is a
/// replicated table on each shard, and a `Distributed` one under the plain name.
///
/// Documentation pages: "ReplacingMergeTree", "Data replication", "Distributed table engine", "MergeTree settings".
struct ReplacingTable {
    var name: String
    /// Column and index definitions, one a line.
    var definitions: [String]
    /// The column whose highest value wins; nil when the row inserted last does.
    var version: String?
    /// Expression; nil for none.
    var partition: String?
    /// Columns.
    var key: [String]
    /// Columns that choose the shard. All rows of one key must have the same ones.
    var shardKey: [String]
    /// Expression; nil for none.
    var ttl: String?

    /// Inserts whose deduplication tokens are remembered.
    private static let rememberedInserts = 10_000
    private static let rememberedSeconds = 7 * 86_400

    /// The statements that make the table, each harmless when it is there.
    func statements(_ options: SchemaOptions) -> [String] {
        [rowTable(options)] + (options.cluster.map { [distributedTable(over: $0, options)] } ?? [])
    }

    private func rowTable(_ options: SchemaOptions) -> String {
        var lines = [
            "CREATE TABLE IF NOT EXISTS \(options.qualified(options.localName(name)))\(options.onCluster)",
            "(",
            SQLText.list(definitions),
            ")",
            "ENGINE = \(engine(options))",
        ]
        if let partition { lines.append("PARTITION BY \(partition)") }
        lines.append("ORDER BY (\(SQLText.identifiers(key)))")
        if let ttl, options.ttl == .standard { lines.append("TTL \(ttl)") }
        lines.append("SETTINGS \(settings(options))")
        return lines.joined(separator: "\n")
    }

    /// Without a path, the engine takes the one of the server's configuration; by default it has the
    /// table's UUID and the macros `{shard}` and `{replica}`.
    private func engine(_ options: SchemaOptions) -> String {
        let name = options.cluster == nil ? "ReplacingMergeTree" : "ReplicatedReplacingMergeTree"
        return version.map { "\(name)(\(SQLText.identifier($0)))" } ?? name
    }

    /// Days and months leave as whole parts, which costs nothing, instead of being rewritten row by row.
    private func settings(_ options: SchemaOptions) -> String {
        let window =
            options.cluster == nil
            ? "non_replicated_deduplication_window = \(Self.rememberedInserts)"
            : "replicated_deduplication_window = \(Self.rememberedInserts), "
                + "replicated_deduplication_window_seconds = \(Self.rememberedSeconds)"
        return "\(window), ttl_only_drop_parts = 1"
    }

    private func distributedTable(over cluster: String, _ options: SchemaOptions) -> String {
        let local = options.localName(name)
        let arguments = [
            SQLText.literal(cluster), SQLText.literal(options.database), SQLText.literal(local),
            "cityHash64(\(SQLText.identifiers(shardKey)))",
        ]
        return """
            CREATE TABLE IF NOT EXISTS \(options.qualified(name))\(options.onCluster)
            AS \(options.qualified(local))
            ENGINE = Distributed(\(arguments.joined(separator: ", ")))
            """
    }
}
