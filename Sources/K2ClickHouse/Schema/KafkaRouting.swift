import K2Domain

/// Where each line from Kafka goes: one table through which all lines pass, and a view for each destination.
struct KafkaRouting {
    static let lines = "kafka_lines"

    var options: SchemaOptions

    /// Stores nothing. Kind, destination and what is wrong are worked out here once, for all views.
    var linesTable: String {
        """
        CREATE TABLE IF NOT EXISTS \(options.qualified(Self.lines))\(options.onCluster)
        (
            `topic` LowCardinality(String),
            `partition` UInt64,
            `offset` UInt64,
            `line` String,
            `error` String,
            `members` Map(String, String) DEFAULT \(JSONMember.all),
            `kind` String DEFAULT \(JSONMember.string("kind")),
            `target` String DEFAULT \(target),
            `reason` String DEFAULT \(reason)
        )
        ENGINE = Null
        """
    }

    var views: [String] { MarketTables.all.map(view) + [badView] }

    private var target: String {
        """
        multiIf(
                `kind` = 'trade', \(SQLText.literal(MarketTables.silver.warmName)),
                `kind` = 'bronze', concat('bronze_trades_', \(JSONMember.string("exchange"))),
                `kind` = 'candle', concat('ohlcv_', \(JSONMember.string("interval"))),
                `kind` = 'gap', \(SQLText.literal(MarketTables.gaps.warmName)),
                '')
        """
    }

    private var reason: String {
        """
        multiIf(
                `error` != '', `error`,
                empty(`members`), 'expected a JSON object',
                NOT \(JSONMember.isString("kind")), 'kind: expected a string',
                `kind` = 'trade', \(firstProblem(of: members(MarketTables.silver))),
                `kind` = 'bronze', \(firstProblem(of: [JSONMember(exchange)] + members(MarketTables.bronze(.binance)))),
                `kind` = 'candle', \(firstProblem(of: members(MarketTables.gold(.oneMinute)))),
                `kind` = 'gap', \(firstProblem(of: members(MarketTables.gaps))),
                '')
        """
    }

    /// Bronze tables are named after it and have no column for it.
    private var exchange: ColumnDefinition { MarketTables.gaps.column("exchange")! }

    private func firstProblem(of members: [JSONMember]) -> String {
        let cases = members.map { member in
            "NOT (\(member.isValid)), \(SQLText.literal("\(member.column.name): expected \(member.expected)"))"
        }
        let indent = String(repeating: " ", count: 12)
        return "multiIf(\n\((cases + ["''"]).map { indent + $0 }.joined(separator: ",\n")))"
    }

    /// The members that a table's row is made of; its place in Kafka is not one of them.
    private func members(_ table: TableDefinition) -> [JSONMember] {
        table.columns.filter { Self.place[$0.name] == nil }.map(JSONMember.init)
    }

    private static let place = ["kafka_partition": "toInt32(`partition`)", "kafka_offset": "toInt64(`offset`)"]

    private func view(_ table: TableDefinition) -> String {
        let columns = table.columns.map { column in
            "\(Self.place[column.name] ?? JSONMember(column).value) AS \(SQLText.identifier(column.name))"
        }
        return """
            CREATE MATERIALIZED VIEW IF NOT EXISTS \(options.qualified("kafka_to_\(table.warmName)"))\(options.onCluster)
            TO \(options.qualified(table.warmName)) AS
            SELECT
            \(SQLText.list(columns))
            FROM \(options.qualified(Self.lines))
            WHERE `target` = \(SQLText.literal(table.warmName)) AND `reason` = ''
            """
    }

    private var badView: String {
        """
        CREATE MATERIALIZED VIEW IF NOT EXISTS \(options.qualified("kafka_to_\(KafkaSchema.badMessages)"))\(options.onCluster)
        TO \(options.qualified(KafkaSchema.badMessages)) AS
        SELECT
            `topic` AS `kafka_topic`,
            toInt32(`partition`) AS `kafka_partition`,
            toInt64(`offset`) AS `kafka_offset`,
            `reason`,
            `line` AS `message`
        FROM \(options.qualified(Self.lines))
        WHERE `reason` != ''
        """
    }
}
