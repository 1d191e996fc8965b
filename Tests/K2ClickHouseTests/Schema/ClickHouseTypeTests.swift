import K2Domain
import Testing

@testable import K2ClickHouse

struct ClickHouseTypeTests {
    private func type(_ type: ColumnType, _ key: StaticString = "x", required: Bool = true) -> String {
        var column = MarketTables.silver.columns[0]
        (column.key, column.type, column.isRequired) = (key, type, required)
        return ClickHouseType.of(column)
    }

    @Test func `each type has one in ClickHouse`() {
        #expect(type(.string) == "String")
        #expect(type(.boolean) == "Bool")
        #expect(type(.int32) == "Int32")
        #expect(type(.int64) == "Int64")
        #expect(type(.timestamp) == "DateTime64(6, 'UTC')")
        #expect(type(.uuid) == "UUID")
        #expect(type(.decimal(precision: 38, scale: 12)) == "Decimal(38, 12)")
        #expect(type(.stringList) == "Array(String)")
        #expect(type(.stringMap) == "Map(String, String)")
    }

    @Test func `what may be absent is Nullable, lists and maps are empty instead`() {
        #expect(type(.int64, required: false) == "Nullable(Int64)")
        #expect(type(.timestamp, required: false) == "Nullable(DateTime64(6, 'UTC'))")
        #expect(type(.stringList, required: false) == "Array(String)")
        #expect(type(.stringMap, required: false) == "Map(String, String)")
    }

    @Test func `texts of few values have a dictionary`() {
        for key: StaticString in ["exchange", "symbol", "canonical_symbol", "asset_class", "currency", "side", "origin", "interval", "state"] {
            #expect(type(.string, key) == "LowCardinality(String)")
        }
        #expect(type(.string, "trade_id") == "String")
        #expect(type(.string, "state", required: false) == "LowCardinality(Nullable(String))")
        #expect(type(.int64, "state") == "Int64")
    }
}
