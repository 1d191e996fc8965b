import K2Domain

/// One member of a record, as expressions over two columns: `line`, the record's text, and `members`, its
/// members as texts of JSON by name.
///
/// The functions of ClickHouse that read numbers from text cut what does not fit, so each value has a
/// condition beside it that holds only for values that are kept whole (documentation pages "JSON functions",
/// "Type conversion functions").
struct JSONMember {
    let column: ColumnDefinition
    /// The column's value. Means something only where `isValid` holds.
    let value: String
    /// True or false, never null.
    let isValid: String
    /// What the member should have been, for people.
    let expected: String

    init(_ column: ColumnDefinition) {
        self.column = column
        let json = Self.json(column.name)
        let parts = column.name == "payload" ? Self.payload(json) : Self.parts(column, json)
        value = parts.value
        expected = parts.expected
        isValid = Self.mayBeMissing(column) ? "(\(json) IN ('', 'null') OR \(parts.isValid))" : parts.isValid
    }

    /// The member's JSON; empty when it is missing.
    static func json(_ name: String) -> String { "`members`[\(SQLText.literal(name))]" }

    /// The text of a member that is a string.
    static func string(_ name: String) -> String { "JSONExtractString(\(json(name)))" }

    static func isString(_ name: String) -> String { "startsWith(\(json(name)), '\"')" }

    /// The expression for `members`.
    static let all = "CAST(JSONExtractKeysAndValuesRaw(`line`), 'Map(String, String)')"

    private static func mayBeMissing(_ column: ColumnDefinition) -> Bool {
        !column.isRequired || column.type == .stringList || column.type == .stringMap
    }

    private typealias Parts = (value: String, isValid: String, expected: String)

    private static func parts(_ column: ColumnDefinition, _ json: String) -> Parts {
        // What is not a text of its own has no escapes.
        let plain = "trim(BOTH '\"' FROM \(json))"
        switch column.type {
        case .string: return string(column)
        case .boolean: return ("\(json) = 'true'", "\(json) IN ('true', 'false')", "true or false")
        case .int32: return printed("toInt32OrNull(\(plain))", plain, column, "an integer of 32 bits")
        case .int64: return printed("toInt64OrNull(\(plain))", plain, column, "an integer of 64 bits")
        case .timestamp: return time(column, json, plain)
        case .uuid: return uuid(plain)
        case .decimal(let precision, let scale): return decimal(precision, scale, json, plain)
        case .stringList: return list(json)
        case .stringMap: return map(json)
        }
    }

    private static func string(_ column: ColumnDefinition) -> Parts {
        let text = string(column.name)
        if let known = knownValues[column.name] {
            return (text, "\(text) IN (\(known.map(SQLText.literal).joined(separator: ", ")))", known.joined(separator: ", "))
        }
        let isString = isString(column.name)
        return (column.isRequired ? text : "if(\(isString), \(text), NULL)", isString, "a string")
    }

    /// Texts that choose a table.
    private static let knownValues = [
        "exchange": Exchange.allCases.map(\.rawValue),
        "interval": CandleInterval.allCases.map(\.rawValue),
    ]

    private static func time(_ column: ColumnDefinition, _ json: String, _ plain: String) -> Parts {
        let parsed = "parseDateTime64BestEffortOrNull(\(plain), 6, 'UTC')"
        let text = "concat('\"', replaceOne(toString(\(parsed)), ' ', 'T'), 'Z\"')"
        return (value(parsed, column), same(text, json), "a UTC time with six decimals and Z, from 1900 to 2299")
    }

    private static func uuid(_ plain: String) -> Parts {
        let parsed = "toUUIDOrNull(\(plain))"
        return ("assumeNotNull(\(parsed))", same("toString(\(parsed))", "lower(\(plain))"), "a UUID")
    }

    /// Zeros at either end are no digits of the value. A bare number would have been a binary fraction.
    private static func decimal(_ precision: Int, _ scale: Int, _ json: String, _ plain: String) -> Parts {
        let parsed = "toDecimal128OrNull(\(plain), \(scale))"
        let pattern = "^\"-?0*[0-9]{1,\(precision - scale)}([.][0-9]{1,\(scale)}0*)?\"$"
        return (
            "assumeNotNull(\(parsed))", "match(\(json), '\(pattern)') AND isNotNull(\(parsed))",
            "a decimal string, at most \(precision - scale) digits and \(scale) decimals"
        )
    }

    private static func list(_ json: String) -> Parts {
        let strings = "arrayAll(x -> startsWith(x, '\"'), JSONExtractArrayRaw(\(json)))"
        return ("JSONExtract(\(json), 'Array(String)')", "startsWith(\(json), '[') AND \(strings)", "an array of strings")
    }

    private static func map(_ json: String) -> Parts {
        let strings = "arrayAll(x -> startsWith(x.2, '\"'), JSONExtractKeysAndValuesRaw(\(json)))"
        return ("JSONExtract(\(json), 'Map(String, String)')", "startsWith(\(json), '{') AND \(strings)", "an object of strings")
    }

    /// A payload is kept verbatim, while `members` holds its numbers printed anew: it is cut from the line. It
    /// is the last member but for the place in Kafka; what is before it are strings and numbers, in which the
    /// bytes of its name cannot stand.
    private static func payload(_ json: String) -> Parts {
        let pattern = #","payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\}\s*$"#
        let cut = "extract(`line`, \(SQLText.literal(pattern)))"
        let isString = isString("payload")
        return (
            "if(\(isString), \(string("payload")), \(cut))",
            "(\(isString) OR match(\(json), '^[[{]') AND isValidJSON(\(cut)))", "JSON as the record's last member"
        )
    }

    private static func value(_ parsed: String, _ column: ColumnDefinition) -> String {
        column.isRequired ? "assumeNotNull(\(parsed))" : parsed
    }

    private static func printed(_ parsed: String, _ text: String, _ column: ColumnDefinition, _ expected: String) -> Parts {
        (value(parsed, column), same("toString(\(parsed))", text), expected)
    }

    /// A value that prints as it was written has lost nothing.
    private static func same(_ printed: String, _ text: String) -> String { "ifNull(\(printed) = \(text), false)" }
}
