import K2Domain

/// `RowHash` as expressions of ClickHouse. They give the same numbers on versions 24.8 and 26.9.
///
/// Columns must have exactly the types of `ClickHouseType.of`: hashes of numbers are made from their bits.
///
/// Documentation page "Hash functions"; `intHash64` and `xxHash64` are defined there by name only, so `AuditReader.probe` asks the server for known ones.
enum RowHashSQL {
    /// The hash of a row over `columns`.
    static func row(_ columns: [ColumnDefinition]) -> String { "intHash64(\(columns.map(term).joined(separator: " + ")))" }

    static func term(_ column: ColumnDefinition) -> String {
        let name = SQLText.identifier(column.name)
        let salt = RowHash.salt(column.name)
        if column.isRequired || column.type.isNested { return value(name, column.type, salt) }
        return "if(isNull(\(name)), \(RowHash.null), \(value("assumeNotNull(\(name))", column.type, salt)))"
    }

    private static func value(_ name: String, _ type: ColumnType, _ salt: UInt64) -> String {
        switch type {
        case .boolean, .int32, .int64: "intHash64(toUInt64(\(name)) + \(salt))"
        case .timestamp: "intHash64(toUInt64(toUnixTimestamp64Micro(\(name))) + \(salt))"
        case .string: "intHash64(xxHash64(\(name)) + \(salt))"
        case .decimal: wide(lower: "toUInt64(\(number(name)))", upper: "toUInt64(bitShiftRight(\(number(name)), 64))", salt)
        // In memory a UUID is two numbers of 64 bits, the upper one first.
        case .uuid:
            wide(lower: "toUInt64(bitShiftRight(reinterpret(\(name), 'UInt128'), 64))", upper: "toUInt64(reinterpret(\(name), 'UInt128'))", salt)
        case .stringList: "arraySum(arrayMap((x, i) -> intHash64(intHash64(xxHash64(x) + \(salt)) + i), \(name), arrayEnumerate(\(name))))"
        case .stringMap: "arraySum(arrayMap((k, v) -> intHash64(intHash64(xxHash64(k) + \(salt)) + xxHash64(v)), mapKeys(\(name)), mapValues(\(name))))"
        }
    }

    private static func wide(lower: String, upper: String, _ salt: UInt64) -> String { "intHash64(intHash64(\(lower) + \(salt)) + \(upper))" }

    /// The unscaled number of a decimal of 128 bits; `name` is quoted.
    static func number(_ name: String) -> String { "reinterpret(\(name), 'Int128')" }
}
