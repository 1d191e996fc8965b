/// Where the tables of the warm store are made, and how.
public struct SchemaOptions: Equatable, Sendable {
    public enum TimeToLive: Equatable, Sendable {
        /// Rows leave after the days that `TableDefinition.warmDays` says.
        case standard
        /// Rows stay. For recordings of the past, whose rows would leave as soon as they come.
        case none
    }

    public var database: String
    /// The cluster's name in the servers' configuration; nil for a single server.
    public var cluster: String?
    public var ttl: TimeToLive

    public init(database: String = "k2", cluster: String? = nil, ttl: TimeToLive = .standard) {
        self.database = database
        self.cluster = cluster
        self.ttl = ttl
    }

    /// A table's full name, quoted.
    public func qualified(_ table: String) -> String {
        "\(SQLText.identifier(database)).\(SQLText.identifier(table))"
    }

    /// ` ON CLUSTER …`, or nothing.
    var onCluster: String { cluster.map { " ON CLUSTER \(SQLText.identifier($0))" } ?? "" }

    /// The name of the table that holds the rows behind `table`.
    func localName(_ table: String) -> String { cluster == nil ? table : "\(table)_local" }
}
