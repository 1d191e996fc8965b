import K2Domain

/// One member of a record, as expressions over the column `line` that holds the record's text.
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
        let member = Self.member(column.name)
        let parts = column.name == "payload" ? Self.payload : Self.parts(column, Text(member))
        value = parts.value
        expected = parts.expected
        // A member that is null counts as missing; both have the type Null.
        isValid = column.isRequired || Self.isCollection(column.type) ? parts.isValid : "(JSONType(\(member)) = 'Null' OR \(parts.isValid))"
    }

    /// Arguments that name a member of the line.
    static func member(_ name: String) -> String { "`line`, \(SQLText.literal(name))" }

    /// The member's text: of a string the decoded one, of a number its digits.
    private struct Text {
        let member: String
        var string: String { "JSONExtractString(\(member))" }
        var digits: String { "trim(BOTH '\"' FROM JSONExtractRaw(\(member)))" }
        init(_ member: String) { self.member = member }
    }

    private typealias Parts = (value: String, isValid: String, expected: String)

    private static func parts(_ column: ColumnDefinition, _ text: Text) -> Parts {
        switch column.type {
        case .string: string(column, text)
        case .boolean: ("JSONExtractBool(\(text.member))", "JSONType(\(text.member)) = 'Bool'", "true or false")
        case .int32: integer("toInt32OrNull(\(text.digits))", text, column, "an integer of 32 bits")
        case .int64: integer("toInt64OrNull(\(text.digits))", text, column, "an integer of 64 bits")
        case .timestamp: time(column, text)
        case .uuid: uuid(text)
        case .decimal(let precision, let scale): decimal(precision, scale, text)
        case .stringList: list(text)
        case .stringMap: map(text)
        }
    }

    private static func string(_ column: ColumnDefinition, _ text: Text) -> Parts {
        let isString = "JSONType(\(text.member)) = 'String'"
        if let known = knownValues[column.name] {
            let list = known.map(SQLText.literal).joined(separator: ", ")
            return (text.string, "\(text.string) IN (\(list))", known.joined(separator: ", "))
        }
        return (column.isRequired ? text.string : "if(\(isString), \(text.string), NULL)", isString, "a string")
    }

    /// Texts that choose a table, or that only these can be.
    static let knownValues = [
        "exchange": Exchange.allCases.map(\.rawValue),
        "interval": CandleInterval.allCases.map(\.rawValue),
    ]

    private static func integer(_ parsed: String, _ text: Text, _ column: ColumnDefinition, _ expected: String) -> Parts {
        (value(parsed, column), same("toString(\(parsed))", as: text.digits), expected)
    }

    private static func time(_ column: ColumnDefinition, _ text: Text) -> Parts {
        let parsed = "parseDateTime64BestEffortOrNull(\(text.string), 6, 'UTC')"
        let printed = "concat(replaceOne(toString(\(parsed)), ' ', 'T'), 'Z')"
        return (value(parsed, column), same(printed, as: text.string), "a UTC time with six decimals and Z, 1900 to 2299")
    }

    private static func uuid(_ text: Text) -> Parts {
        let parsed = "toUUIDOrNull(\(text.string))"
        return ("assumeNotNull(\(parsed))", same("toString(\(parsed))", as: "lower(\(text.string))"), "a UUID")
    }

    /// Zeros at either end are no digits of the value. A bare number would have been a binary fraction.
    private static func decimal(_ precision: Int, _ scale: Int, _ text: Text) -> Parts {
        let parsed = "toDecimal128OrNull(\(text.string), \(scale))"
        let pattern = "^-?0*[0-9]{1,\(precision - scale)}([.][0-9]{1,\(scale)}0*)?$"
        return (
            "assumeNotNull(\(parsed))",
            "JSONType(\(text.member)) = 'String' AND match(\(text.string), '\(pattern)') AND isNotNull(\(parsed))",
            "a decimal string, at most \(precision - scale) digits and \(scale) decimals"
        )
    }

    private static func list(_ text: Text) -> Parts {
        let strings = "arrayAll(x -> startsWith(x, '\"'), JSONExtractArrayRaw(\(text.member)))"
        return (
            "JSONExtract(\(text.member), 'Array(String)')",
            "(JSONType(\(text.member)) = 'Null' OR JSONType(\(text.member)) = 'Array' AND \(strings))", "an array of strings"
        )
    }

    private static func map(_ text: Text) -> Parts {
        let strings = "arrayAll(x -> startsWith(x.2, '\"'), JSONExtractKeysAndValuesRaw(\(text.member)))"
        return (
            "JSONExtract(\(text.member), 'Map(String, String)')",
            "(JSONType(\(text.member)) = 'Null' OR JSONType(\(text.member)) = 'Object' AND \(strings))", "an object of strings"
        )
    }

    /// A payload is kept verbatim, and JSON functions print numbers anew: it is cut from the line. It is the
    /// last member but for the place in Kafka; what is before it are strings and numbers, in which the bytes
    /// of its name cannot stand.
    private static let payload: Parts = {
        let pattern = #","payload":(.*?)(?:,"kafka_partition":[0-9]+)?(?:,"kafka_offset":[0-9]+)?\}\s*$"#
        let cut = "extract(`line`, \(SQLText.literal(pattern)))"
        let type = "JSONType(`line`, 'payload')"
        return (
            "if(\(type) = 'String', JSONExtractString(`line`, 'payload'), \(cut))",
            "(\(type) = 'String' OR \(type) IN ('Object', 'Array') AND isValidJSON(\(cut)))", "JSON as the record's last member"
        )
    }()

    private static func value(_ parsed: String, _ column: ColumnDefinition) -> String {
        column.isRequired ? "assumeNotNull(\(parsed))" : parsed
    }

    /// A value that prints as it was written has lost nothing.
    private static func same(_ printed: String, as text: String) -> String { "ifNull(\(printed) = \(text), false)" }

    private static func isCollection(_ type: ColumnType) -> Bool { type == .stringList || type == .stringMap }
}
