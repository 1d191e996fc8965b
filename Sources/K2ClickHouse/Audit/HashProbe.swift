import K2Bytes
import K2Domain

/// A value of each type whose hash is known: what a server gives for it shows whether its functions are those that we compute.
struct HashProbe {
    /// Comes to `hash`.
    let sql: String
    let hash: UInt64

    static let all: [HashProbe] = [
        probe(.boolean, "true") { RowHash.term(1, salt: $0) },
        probe(.int32, "-7") { RowHash.term(UInt64(bitPattern: -7), salt: $0) },
        probe(.int64, "-9007199254740993") { RowHash.term(UInt64(bitPattern: -9_007_199_254_740_993), salt: $0) },
        probe(.timestamp, "'1969-12-31 23:59:59.999999'") { RowHash.term(UInt64(bitPattern: -1), salt: $0) },
        probe(.decimal(precision: 38, scale: 12), "'-1234567890123.000000000001'") {
            RowHash.wideTerm(UInt128(truncatingIfNeeded: Int128(-1_234_567_890_123) * 1_000_000_000_000 - 1), salt: $0)
        },
        probe(.uuid, "'e201c8ce-59b8-7f2a-a4b2-fb1aba7f95aa'") { RowHash.wideTerm(0xe201_c8ce_59b8_7f2a_a4b2_fb1a_ba7f_95aa as UInt128, salt: $0) },
        probe(.string, "'BINANCE-388511 ₿ and more than thirty-two bytes'") {
            RowHash.term(text("BINANCE-388511 ₿ and more than thirty-two bytes"), salt: $0)
        },
        probe(.stringList, "['', 'm', 'l']") {
            RowHash.element(text(""), at: 1, salt: $0) &+ RowHash.element(text("m"), at: 2, salt: $0) &+ RowHash.element(text("l"), at: 3, salt: $0)
        },
        probe(.stringMap, "map('side', 'SELL', 'ord', '')") {
            RowHash.entry(text("side"), text("SELL"), salt: $0) &+ RowHash.entry(text("ord"), text(""), salt: $0)
        },
        HashProbe(sql: row("CAST(NULL, 'Nullable(Int64)')", ColumnDefinition(key: "probe", type: .int64, id: 1, isRequired: false)), hash: RowHash.mix(RowHash.null)),
    ]

    private static func probe(_ type: ColumnType, _ literal: String, term: (_ salt: UInt64) -> UInt64) -> HashProbe {
        let column = ColumnDefinition(key: "probe", type: type, id: 1, isRequired: true)
        let value = "CAST(\(literal), \(SQLText.literal(ClickHouseType.of(column))))"
        return HashProbe(sql: row(value, column), hash: RowHash.mix(term(RowHash.salt("probe"))))
    }

    private static func row(_ value: String, _ column: ColumnDefinition) -> String {
        "(SELECT \(RowHashSQL.row([column])) FROM (SELECT \(value) AS `probe`))"
    }

    private static func text(_ value: String) -> UInt64 {
        var copy = value
        return copy.withUTF8 { RowHash.text($0) }
    }
}
