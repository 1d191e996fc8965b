import ArgumentParser
import Glibc
import K2Bytes
import K2CLI
import K2ClickHouse
import K2NDJSON

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the SQL that makes the tables.",
        discussion: """
            EXAMPLES
              k2-load schema | clickhouse-client --multiquery
              k2-load schema --cluster main --ttl none
              k2-load schema --kafka broker1:9092,broker2:9092 | clickhouse-client --multiquery

            Nothing is asked of ClickHouse. The statements are safe to repeat. With --kafka also what reads the topics \
            market.crypto.trades.EXCHANGE into the tables: engine tables and views.
            """)

    @Option(help: ArgumentHelp("Brokers, with commas between: also print the Kafka tables and views that fill the tables from topics.", valueName: "list"))
    var kafka: String?

    @OptionGroup var schema: SchemaFlags

    func validate() throws {
        guard let kafka else { return }
        guard !kafka.isEmpty, kafka.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-._:,[]".contains($0)) }) else {
            throw ValidationError("--kafka: expected host:port, several with commas between, found \"\(kafka)\"")
        }
    }

    func run() throws {
        let options = schema.options(fallback: ClickHouseAddress.defaultDatabase)
        let topics = kafka.map { KafkaSchema(brokers: $0, options: options).statements } ?? []
        let script = WarmSchema.script(WarmSchema(options).statements(from: 0) + topics)
        var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        output.buffer.append(string: script)
        try output.flush()
    }
}
