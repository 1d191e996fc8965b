import K2Domain

/// Tables and views with which ClickHouse itself reads the records from Kafka, one topic per exchange
/// (documentation page "Kafka table engine").
///
/// Each message is one NDJSON line. A line goes by its kind into the table of `MarketTables`; what cannot be
/// stored whole goes into `kafka_bad_messages` with the reason, and holds nothing up. Kinds without a table
/// are skipped. A message that is delivered again replaces its row.
public struct KafkaSchema: Sendable {
    public static let badMessages = "kafka_bad_messages"

    /// `host:port`, several with commas between them.
    public var brokers: String
    /// Start of the consumer groups' names; `-` and the exchange follow.
    public var group: String
    /// Start of the topics' names; `.` and the exchange follow.
    public var topicPrefix: String
    public var options: SchemaOptions

    public init(
        brokers: String, group: String = "k2", topicPrefix: String = "market.crypto.trades", options: SchemaOptions = SchemaOptions()
    ) {
        self.brokers = brokers
        self.group = group
        self.topicPrefix = topicPrefix
        self.options = options
    }

    /// To be run after those of `WarmSchema`, each harmless when it was run before.
    ///
    /// Reading starts with the first view on a topic, so these come last.
    public var statements: [String] {
        let routing = KafkaRouting(options: options)
        return bad.statements(options) + [routing.linesTable] + routing.views
            + Exchange.allCases.map(topicTable) + Exchange.allCases.map(topicView)
    }

    public var script: String { WarmSchema.script(statements) }

    private func topicName(_ exchange: Exchange) -> String { "kafka_trades_\(exchange.rawValue)" }

    private func topicTable(_ exchange: Exchange) -> String {
        """
        CREATE TABLE IF NOT EXISTS \(options.qualified(topicName(exchange)))\(options.onCluster)
        (
            `line` String
        )
        ENGINE = Kafka
        SETTINGS
            kafka_broker_list = \(SQLText.literal(brokers)),
            kafka_topic_list = \(SQLText.literal("\(topicPrefix).\(exchange.rawValue)")),
            kafka_group_name = \(SQLText.literal("\(group)-\(exchange.rawValue)")),
            kafka_format = 'LineAsString',
            kafka_handle_error_mode = 'stream'
        """
    }

    private func topicView(_ exchange: Exchange) -> String {
        """
        CREATE MATERIALIZED VIEW IF NOT EXISTS \(options.qualified("\(topicName(exchange))_lines"))\(options.onCluster)
        TO \(options.qualified(KafkaRouting.lines)) AS
        SELECT
            `_topic` AS `topic`,
            `_partition` AS `partition`,
            `_offset` AS `offset`,
            if(`_error` = '', `line`, `_raw_message`) AS `line`,
            `_error` AS `error`
        FROM \(options.qualified(topicName(exchange)))
        """
    }

    private var bad: ReplacingTable {
        ReplacingTable(
            name: Self.badMessages,
            definitions: [
                "`kafka_topic` LowCardinality(String)",
                "`kafka_partition` Int32",
                "`kafka_offset` Int64 CODEC(Delta, ZSTD(1))",
                "`reason` String CODEC(ZSTD(1))",
                "`message` String CODEC(ZSTD(3))",
                "`loaded_at` \(ClickHouseType.timestamp) DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1))",
            ],
            version: nil, partition: "toYYYYMM(`loaded_at`)",
            // A message of several lines has one place in Kafka.
            key: ["kafka_topic", "kafka_partition", "kafka_offset", "message"], shardKey: ["kafka_topic", "kafka_partition"],
            ttl: "toDateTime(`loaded_at`) + INTERVAL 30 DAY")
    }
}
