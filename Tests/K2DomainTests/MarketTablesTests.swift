import K2Domain
import Testing

@Suite struct MarketTablesTests {
    @Test func thereAreElevenWithNamesOfTheirOwn() {
        #expect(MarketTables.all.count == 11)
        #expect(Set(MarketTables.all.map(\.coldName)).count == 11)
        #expect(Set(MarketTables.all.map(\.warmName)).count == 11)
    }

    @Test(arguments: MarketTables.all.map(\.coldName))
    func columnsAreSound(name: String) throws {
        let table = try #require(MarketTables.all.first { $0.coldName == name })
        #expect(Set(table.columns.map(\.name)).count == table.columns.count)
        let ids = table.columns.flatMap { [$0.id] + $0.nestedIDs }
        #expect(Set(ids).count == ids.count)
        #expect(ids.min() == 1 && ids.max() == ids.count)
        for column in table.columns {
            let nested = column.type == .stringMap ? 2 : column.type == .stringList ? 1 : 0
            #expect(column.nestedIDs.count == nested, "\(column.name)")
            if case .decimal(let precision, let scale) = column.type {
                #expect(precision == 38 && scale <= 18)
            }
        }
    }

    @Test(arguments: MarketTables.all.map(\.coldName))
    func everyNamedColumnExistsAndIdentityIsRequired(name: String) throws {
        let table = try #require(MarketTables.all.first { $0.coldName == name })
        for column in table.identity + [table.timeColumn] {
            #expect(try #require(table.column(column), "\(column)").isRequired, "\(column)")
        }
        for column in table.sortOrder { #expect(table.column(column) != nil, "\(column)") }
        for rule in table.partition {
            switch rule {
            case .day(let column), .month(let column): #expect(table.column(column)?.type == .timestamp, "\(column)")
            case .identity(let column): #expect(table.column(column) != nil, "\(column)")
            }
        }
        #expect(table.warmDays > 0)
        #expect(table.index(of: table.timeColumn).map { table.columns[$0].name } == table.timeColumn)
        #expect(table.column("no_such_column") == nil)
    }

    /// Field ids are part of every file ever written: a column may be added at the end, never moved.
    @Test func fieldIDsNeverChange() {
        #expect(MarketTables.silver.columns.map { "\($0.name) \($0.id)" } == [
            "message_id 1", "trade_id 2", "exchange 3", "symbol 4", "canonical_symbol 5", "asset_class 6", "currency 7", "price 8",
            "quantity 9", "quote_volume 10", "side 11", "trade_conditions 12", "timestamp 13", "ingestion_timestamp 14",
            "source_sequence 15", "origin 16", "vendor_data 17", "is_valid 18", "validation_errors 19",
        ])
        #expect(MarketTables.silver.column("trade_conditions")?.nestedIDs == [20])
        #expect(MarketTables.silver.column("vendor_data")?.nestedIDs == [21, 22])
        #expect(MarketTables.silver.column("validation_errors")?.nestedIDs == [23])
    }

    @Test func exchangeNamesAreStable() {
        #expect(Exchange.allCases.map(\.rawValue) == ["binance", "kraken", "coinbase"])
        for (index, exchange) in Exchange.allCases.enumerated() {
            #expect("\(exchange.name)" == exchange.rawValue)
            #expect("\(exchange.prefix)" == exchange.rawValue.uppercased())
            #expect(exchange.index == index)
        }
    }

    @Test func intervalsKnowTheirNamesAndWidths() {
        #expect(CandleInterval.allCases.map { "\($0.name)" } == CandleInterval.allCases.map(\.rawValue))
        #expect(CandleInterval.allCases.map { $0.width / 60_000_000 } == [1, 5, 15, 30, 60, 1440])
    }
}
