import K2Domain
import Testing

@testable import K2ClickHouse

struct KafkaSchemaTests {
    private let schema = KafkaSchema(brokers: "a:9092,b:9092")

    @Test func `the whole script`() throws {
        try GoldenText.expect(schema.script, equals: "kafka.sql")
    }

    @Test func `each exchange has its topic and its group`() {
        var schema = schema
        (schema.group, schema.topicPrefix) = ("load", "it's")
        for exchange in Exchange.allCases {
            #expect(schema.script.contains("kafka_topic_list = 'it\\'s.\(exchange.rawValue)',\n    kafka_group_name = 'load-\(exchange.rawValue)'"))
        }
        #expect(schema.script.components(between: "kafka_broker_list = '", and: "'") == ["a:9092,b:9092", "a:9092,b:9092", "a:9092,b:9092"])
    }

    @Test func `nothing is read before every destination is there`() {
        let statements = schema.statements
        let firstReader = statements.firstIndex { $0.contains("_lines`\nTO `k2`.`kafka_lines`") }!
        #expect(statements[firstReader...].allSatisfy { $0.contains("\nTO `k2`.`kafka_lines`") })
        for table in MarketTables.all {
            #expect(statements[..<firstReader].filter { $0.contains("\nTO `k2`.`\(table.warmName)` AS") }.count == 1)
        }
    }

    @Test func `no value passes through binary floating point`() {
        #expect(!schema.script.contains("Float"))
        #expect(!schema.script.contains("toDecimal128(") && !schema.script.contains("JSONExtractInt"))
    }

    @Test func `statements change nothing when they are run again`() {
        let clustered = KafkaSchema(brokers: "b", options: SchemaOptions(cluster: "c"))
        #expect(clustered.statements.allSatisfy { $0.contains(" IF NOT EXISTS ") && $0.contains(" ON CLUSTER `c`") })
        #expect(clustered.statements.allSatisfy { !$0.contains("\n\n") && !$0.contains(";") })
    }
}

extension String {
    /// What stands between each `start` and the `end` after it.
    fileprivate func components(between start: String, and end: String) -> [String] {
        split(separator: start, omittingEmptySubsequences: false).dropFirst().map { String($0.split(separator: end)[0]) }
    }
}
