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

            Nothing is asked of ClickHouse. The statements are safe to repeat.
            """)

    @OptionGroup var schema: SchemaFlags

    func run() throws {
        let script = WarmSchema(schema.options(fallback: ClickHouseAddress.defaultDatabase)).script
        var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        output.buffer.append(string: script)
        try output.flush()
    }
}
