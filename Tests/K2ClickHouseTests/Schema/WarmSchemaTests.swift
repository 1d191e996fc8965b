import K2Domain
import Testing

@testable import K2ClickHouse

struct WarmSchemaTests {
    @Test func `the whole script`() throws {
        try GoldenText.expect(WarmSchema().script, equals: "single.sql")
    }

    @Test func `the whole script for a cluster`() throws {
        try GoldenText.expect(WarmSchema(SchemaOptions(cluster: "prod")).script, equals: "cluster.sql")
    }

    @Test func `every table and every column is there`() {
        let statements = WarmSchema().migrations.flatMap(\.statements)
        for table in MarketTables.all {
            let made = statements.filter { $0.hasPrefix("CREATE TABLE IF NOT EXISTS `k2`.`\(table.warmName)`\n") }
            #expect(made.count == 1)
            for column in table.columns {
                #expect(made.first?.contains("\n    `\(column.name)` \(ClickHouseType.of(column)) ") == true, "\(table.warmName).\(column.name)")
            }
            let key = table.identity.map { "`\($0)`" }.joined(separator: ", ")
            #expect(made.first?.contains("\nORDER BY (\(key))\n") == true)
            #expect(made.first?.contains("\nTTL toDateTime(`\(table.timeColumn)`) + INTERVAL \(table.warmDays) DAY\n") == true)
        }
    }

    @Test func `every interval has its views`() {
        let statements = WarmSchema().migrations.flatMap(\.statements)
        for interval in CandleInterval.allCases {
            for kind in ["check", "diff"] {
                #expect(statements.filter { $0.hasPrefix("CREATE VIEW IF NOT EXISTS `k2`.`ohlcv_\(interval.rawValue)_\(kind)` AS\n") }.count == 1)
            }
        }
    }

    @Test func `rows stay when there is no time to live`() {
        #expect(WarmSchema().script.contains("\nTTL "))
        #expect(!WarmSchema(SchemaOptions(ttl: .none)).script.contains("\nTTL "))
    }

    @Test func `names are quoted`() {
        let script = WarmSchema(SchemaOptions(database: "a`b\\c", cluster: "it's")).script
        #expect(script.hasPrefix("CREATE DATABASE IF NOT EXISTS `a\\`b\\\\c` ON CLUSTER `it's`;\n"))
        #expect(script.contains("Distributed('it\\'s', 'a`b\\\\c', 'silver_trades_local', "))
        #expect(!script.contains("`k2`"))
    }

    @Test func `all rows of an identity are on one shard`() {
        let shards = WarmSchema(SchemaOptions(cluster: "c")).script.split(separator: "\n").filter { $0.hasPrefix("ENGINE = Distributed") }
        #expect(shards.count == MarketTables.all.count + 1)
        #expect(shards[1] == "ENGINE = Distributed('c', 'k2', 'bronze_trades_binance_local', cityHash64(`symbol`));")
        #expect(shards[4] == "ENGINE = Distributed('c', 'k2', 'silver_trades_local', cityHash64(`exchange`, `symbol`));")
        #expect(shards[5] == "ENGINE = Distributed('c', 'k2', 'ohlcv_1m_local', cityHash64(`exchange`, `canonical_symbol`));")
        #expect(shards[11] == "ENGINE = Distributed('c', 'k2', 'feed_gaps_local', cityHash64(`exchange`, `symbol`));")
    }

    @Test func `statements from a version on`() {
        let schema = WarmSchema()
        let newest = schema.migrations.last!.version
        #expect(schema.migrations.map(\.version) == Array(1...newest))
        #expect(schema.statements(from: newest) == schema.bootstrap)
        #expect(schema.statements(from: 0) == schema.bootstrap + schema.migrations.flatMap(\.statements))
        for migration in schema.migrations {
            #expect(migration.statements.last?.hasPrefix("INSERT INTO `k2`.`schema_version` ") == true)
        }
    }

    @Test func `statements change nothing when they are run again`() {
        for statement in WarmSchema(SchemaOptions(cluster: "c")).statements(from: 0) {
            #expect(statement.contains(" IF NOT EXISTS ") || statement.contains("\nWHERE 1 NOT IN "), "\(statement.prefix(80))")
        }
    }

    @Test func `a statement ends a script's paragraph`() {
        let schema = WarmSchema()
        #expect(schema.script == schema.statements(from: 0).joined(separator: ";\n\n") + ";\n")
        #expect(schema.statements(from: 0).allSatisfy { !$0.contains("\n\n") && !$0.contains(";") })
    }
}
