/// Brings a database to the newest version of the schema.
public struct SchemaInstaller {
    private let client: ClickHouseClient
    private let schema: WarmSchema

    /// - Parameter client: logged into a database that is there, such as `default`.
    public init(_ client: ClickHouseClient, _ schema: WarmSchema) {
        self.client = client
        self.schema = schema
    }

    /// Applies the migrations that are missing, in order. Each statement is safe to repeat, so that a run that was cut short goes on.
    /// - Returns: what was applied.
    /// - Throws: also when the database is newer than this program.
    public func run() throws(ClickHouseError) -> [Migration] {
        for statement in schema.bootstrap { _ = try client.query(statement) }
        let answer = String(decoding: try client.query(schema.versionQuery + " FORMAT TabSeparated"), as: UTF8.self)
        guard let version = Int(answer.filter { !$0.isWhitespace }) else {
            throw ClickHouseError(.permanent, "\(schema.options.database): expected the version of the schema, found \"\(answer)\"")
        }
        let newest = schema.migrations.last?.version ?? 0
        guard version <= newest else {
            throw ClickHouseError(.permanent, "\(schema.options.database): schema version \(version) is newer than this program's, \(newest)")
        }
        let missing = schema.migrations.filter { $0.version > version }
        for migration in missing {
            for statement in migration.statements { _ = try client.query(statement) }
        }
        return missing
    }
}
