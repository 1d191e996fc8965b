import K2Domain
import K2Iceberg
import Testing

@testable import K2Lake

struct PartitionPathTests {
    private func path(_ definition: TableDefinition, _ values: [Datum?]) throws -> String {
        let schema = try LakeSchema(definition)
        return PartitionPath.text(values, spec: schema.spec, schema: schema.schema)
    }

    @Test func `folders are named as Iceberg's writers name them`() throws {
        #expect(try path(MarketTables.silver, [.date(0)]) == "timestamp_day=1970-01-01")
        #expect(try path(MarketTables.silver, [.date(20502)]) == "timestamp_day=2026-02-18")
        #expect(try path(MarketTables.silver, [.date(-1)]) == "timestamp_day=1969-12-31")
        #expect(try path(MarketTables.silver, [.date(-719_162)]) == "timestamp_day=0001-01-01")
        #expect(try path(MarketTables.silver, [nil]) == "timestamp_day=null")
        for (month, text) in [(0, "1970-01"), (-1, "1969-12"), (-12, "1969-01"), (-13, "1968-12"), (673, "2026-02"), (11, "1970-12")] {
            #expect(try path(MarketTables.gold(.oneDay), [.int(Int32(month)), .string("a b/é.")]) == "window_start_month=\(text)/exchange=a%20b%2F%C3%A9.")
        }
    }
}
