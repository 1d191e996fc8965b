import K2Bytes
import K2Domain
import K2Iceberg
import K2JSON
import K2NDJSON
import K2Parquet
import K2Rows
import Testing

@testable import K2Lake

struct RowBufferTests {
    private func add(_ line: String, to buffer: inout RowBuffer) throws {
        let bytes = Array(line.utf8)
        var document = JSONDocument()
        try document.parse(bytes.span)
        var scratch = ByteWriter(capacity: 64)
        buffer.locate(document, bytes.span)
        try buffer.append(document, bytes.span, scratch: &scratch)
    }

    private func rows(_ buffer: RowBuffer) -> [LakeRow] {
        let columns = buffer.columns.map { LakeValue.all($0.column) }
        let names = buffer.definition.columns.map(\.name)
        return (0..<buffer.rowCount).filter { !buffer.dead.contains(UInt32($0)) }.map { row in
            LakeRow(uniqueKeysWithValues: zip(names, columns.map { $0[row] }))
        }
    }

    /// A value that each column of the table refuses, as JSON.
    private func refusedValues(_ type: ColumnType) -> [String] {
        switch type {
        case .string: ["5", "true", "{\"a\":1}", "[\"a\"]"]
        case .boolean: ["0", "\"true\"", "{}"]
        case .int32: ["2147483648", "1.5", "\"x\"", "true", "[1]"]
        case .int64: ["9223372036854775808", "1e3", "\"\"", "\"5 \"", "{}"]
        case .timestamp: ["5", "\"2026-02-30T00:00:00Z\"", "\"2026-02-03\"", "\"yesterday\"", "\"0000-01-01T00:00:00Z\"", "[]"]
        case .uuid: ["\"x\"", "7", "\"123e4567-e89b-12d3-a456-42661417400\"", "{}"]
        case .decimal(_, let scale):
            [
                "1.5", "\"\"", "\"1,5\"", "\"NaN\"", "\"1e400\"", "\"0.\(String(repeating: "0", count: scale))1\"",
                "\"1\(String(repeating: "0", count: 38 - scale))\"", "\"\(String(repeating: "9", count: 40))\"", "{}",
            ]
        case .stringList: ["\"a\"", "{\"a\":\"b\"}", "[\"a\",5]", "[[\"a\"]]", "[null]"]
        case .stringMap: ["\"a\"", "[\"a\"]", "{\"a\":5}", "{\"a\":\"b\",\"c\":{}}", "{\"a\":null}"]
        }
    }

    @Test(arguments: MarketTables.all.map(\.coldName))
    func `a row refused in any column leaves no trace in the others`(_ name: String) throws {
        let definition = try #require(MarketTables.all.first { $0.coldName == name })
        var buffer = RowBuffer(definition)
        var clean = RowBuffer(definition)
        func line(_ number: Int, _ changes: [String: String?]) -> String {
            switch definition.coldName.prefix(4) {
            case "bron": Records.bronze(number, changes)
            case "silv":
                Records.trade(
                    number, changes.merging(["vendor_data": "{\"k\(number)\":\"v\"}", "trade_conditions": "[\"a\",\"b\(number)\"]"]) { old, _ in old })
            case "gold": Records.candle("S\(number)", 60_000_000 * Int64(number), changes)
            default: Records.gap(number, number + 1, changes)
            }
        }
        var number = 1
        var refused = 0
        for column in definition.columns {
            // The payload of a bronze row is JSON as it stands.
            let values = refusedValues(column.type).filter { column.name != "payload" || !("{[".contains($0.first!)) }
            for value in values + (column.isRequired && column.type != .stringList && column.type != .stringMap ? ["null"] : []) {
                #expect(throws: RecordError.self, "\(column.name): \(value)") { try add(line(number, [column.name: value]), to: &buffer) }
                try add(line(number, [:]), to: &buffer)
                try add(line(number, [:]), to: &clean)
                number += 1
                refused += 1
            }
        }
        #expect(buffer.dead.count == refused && buffer.liveCount == clean.rowCount)
        #expect(rows(buffer) == rows(clean))
        buffer.removeAll()
        #expect(buffer.rowCount == 0 && buffer.dead.isEmpty && buffer.liveCount == 0)
        try add(line(1, [:]), to: &buffer)
        #expect(rows(buffer) == [rows(clean)[0]])
    }

    @Test func `missing and null members of optional columns are nulls, of lists and maps empty`() throws {
        var buffer = RowBuffer(MarketTables.silver)
        try add(Records.trade(1, ["source_sequence": nil]), to: &buffer)
        try add(Records.trade(2, ["source_sequence": "null", "vendor_data": "{}", "trade_conditions": "[]", "validation_errors": "null"]), to: &buffer)
        try add(Records.trade(3, ["source_sequence": "\"9223372036854775807\"", "vendor_data": "{\"\":\"\"}", "trade_conditions": "[\"\"]"]), to: &buffer)
        let rows = rows(buffer)
        #expect(rows.map { $0["source_sequence"] } == [.null, .null, .integer(.max)])
        #expect(rows.map { $0["vendor_data"] } == [.map([]), .map([]), .map([["", ""]])])
        #expect(rows.map { $0["trade_conditions"] } == [.list([]), .list([]), .list([""])])
        #expect(rows.map { $0["validation_errors"] } == [.list([]), .list([]), .list([])])
    }

    @Test func `escapes are resolved in strings, lists and maps, and left in payloads`() throws {
        var buffer = RowBuffer(MarketTables.silver)
        try add(Records.trade(1, ["trade_conditions": #"["\u0041\n","\ud83d\ude00","\ud800"]"#, "vendor_data": #"{"\"k":"\\v\/"}"#, "side": #""B\u0055Y""#]), to: &buffer)
        let row = rows(buffer)[0]
        #expect(row["trade_conditions"] == .list(["A\n", "😀", "\u{fffd}"]) && row["vendor_data"] == .map([["\"k", "\\v/"]]) && row["side"] == .text("BUY"))
        var bronze = RowBuffer(MarketTables.bronze(.binance))
        try add(Records.bronze(1, ["payload": #"{"a" : "\u0041\"", "b":[1.50, -0e0]}"#]), to: &bronze)
        try add(Records.bronze(2, ["payload": #""text\u0041""#]), to: &bronze)
        #expect(rows(bronze).map { $0["payload"] } == [.text(#"{"a" : "\u0041\"", "b":[1.50, -0e0]}"#), .text("textA")])
    }

    @Test func `dead rows shape neither dictionaries nor bounds`() throws {
        let lake = try LakeFixture()
        let bad = Records.trade(7, canonical: "ZZZ/ZZZ", at: 0, ["price": "\"0\"", "is_valid": "7", "currency": "\"AAA\""])
        let outcome = try lake.load([bad, Records.trade(1), Records.trade(2)])
        #expect(outcome.refused.count == 1 && outcome.rows("silver_trades") == 2)
        let file = try #require(try lake.dataFiles("silver_trades").first)
        let definition = MarketTables.silver
        for (column, low, high) in [("canonical_symbol", "BTC/USDT", "BTC/USDT"), ("currency", "USDT", "USDT")] {
            let id = try #require(definition.column(column)?.id)
            #expect(file.lowerBounds[id] == Array(low.utf8) && file.upperBounds[id] == Array(high.utf8), "\(column)")
        }
        #expect(file.recordCount == 2)
        #expect(try lake.dataFiles("silver_trades").count == 1)
        // The numeric id was not taken by the refused row.
        #expect(try lake.load([Records.trade(7)]).rows("silver_trades") == 1)
    }
}
