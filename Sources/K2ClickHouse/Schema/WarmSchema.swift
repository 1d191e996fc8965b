import K2Domain

/// One step of the schema. Statements that are run again change nothing, so a step that was
/// interrupted is simply run once more.
public struct Migration: Equatable, Sendable {
    public var version: Int
    public var description: String
    /// In the order in which they are applied; the last one notes the version.
    public var statements: [String]
}

/// The tables of the warm store in ClickHouse 24.3 or newer: made from `MarketTables`, as numbered steps.
public struct WarmSchema: Sendable {
    public static let versionTable = "schema_version"

    public let options: SchemaOptions

    public init(_ options: SchemaOptions = SchemaOptions()) { self.options = options }

    /// The database and its `schema_version` table: to be there before the version can be asked for.
    public var bootstrap: [String] {
        ["CREATE DATABASE IF NOT EXISTS \(SQLText.identifier(options.database))\(options.onCluster)"]
            + Self.versions.statements(options)
    }

    /// Asks for the newest version applied: one number, 0 when there is none. `bootstrap` must have been run.
    public var versionQuery: String { "SELECT max(`version`) FROM \(options.qualified(Self.versionTable))" }

    /// All steps, by ascending version.
    public var migrations: [Migration] { [initial] }

    /// What leads from `version` to the newest one; 0 stands for an empty server.
    public func statements(from version: Int) -> [String] {
        bootstrap + migrations.filter { $0.version > version }.flatMap(\.statements)
    }

    /// Everything, as a script for a client that takes many statements.
    public var script: String { Self.script(statements(from: 0)) }

    /// Statements as one text; the same text for the same statements.
    public static func script(_ statements: [String]) -> String {
        statements.map { "\($0);\n" }.joined(separator: "\n")
    }

    private var initial: Migration {
        let tables = MarketTables.all.flatMap { ReplacingTable($0).statements(options) }
        let views = CandleInterval.allCases.flatMap { CheckViews(interval: $0, options: options).statements }
        return migration(1, "tables of bronze, silver, gold and gaps, and checking views", tables + views)
    }

    private func migration(_ version: Int, _ description: String, _ statements: [String]) -> Migration {
        let table = options.qualified(Self.versionTable)
        let note = """
            INSERT INTO \(table) (`version`, `description`)
            SELECT \(version), \(SQLText.literal(description))
            WHERE \(version) NOT IN (SELECT `version` FROM \(table))
            """
        return Migration(version: version, description: description, statements: statements + [note])
    }

    private static let versions = ReplacingTable(
        name: versionTable,
        definitions: [
            "`version` UInt32", "`applied_at` \(ClickHouseType.timestamp) DEFAULT now64(6, 'UTC')", "`description` String",
        ],
        version: nil, partition: nil, key: ["version"], shardKey: ["version"], ttl: nil)
}
