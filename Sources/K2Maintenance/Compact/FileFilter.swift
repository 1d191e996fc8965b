import K2Domain
import K2Iceberg
import K2Lake

/// A condition in the terms of one table: says of files whether they can have a row for which it holds.
struct FileFilter {
    /// What is compared.
    private enum Subject {
        /// A column of that id.
        case column(Int, PrimitiveType)
        /// A field of partition specs, by name.
        case partition(String, PrimitiveType)
    }

    private struct Term {
        var subject: Subject
        var relation: FilePredicate.Operator
        var values: [Datum]
    }

    private let terms: [Term]
    private let metadata: TableMetadata

    init(_ predicate: FilePredicate, _ metadata: TableMetadata) throws(UnfitColumn) {
        var terms: [Term] = []
        for comparison in predicate.comparisons {
            let subject = try Self.subject(comparison.column, metadata)
            var values: [Datum] = []
            for literal in comparison.literals { values.append(try Self.value(literal, Self.type(subject), comparison.column)) }
            terms.append(Term(subject: subject, relation: comparison.relation, values: values))
        }
        self.terms = terms
        self.metadata = metadata
    }

    private static let flag = "--where"

    private static func subject(_ name: String, _ metadata: TableMetadata) throws(UnfitColumn) -> Subject {
        let leaves = metadata.currentSchema.leaves
        if let place = try leaves.place(of: name, flag) { return .column(leaves[place].id, try comparable(leaves[place].type, name)) }
        var fields: [String] = []
        for spec in metadata.partitionSpecs {
            for (field, type) in zip(spec.fields, spec.resultTypes(metadata.currentSchema)) {
                guard let type else { continue }
                if field.name == name { return .partition(name, try comparable(type, name)) }
                if !fields.contains(field.name) { fields.append(field.name) }
            }
        }
        let plain = leaves.plainNames
        throw UnfitColumn.missing(flag, name, expected: plain + fields.filter { !plain.contains($0) })
    }

    /// The types for which there are literals.
    private static func comparable(_ type: PrimitiveType, _ name: String) throws(UnfitColumn) -> PrimitiveType {
        switch type {
        case .time, .binary, .fixed: throw UnfitColumn(flag: flag, column: name, reason: "a \(type) cannot be compared with a literal")
        default: return type
        }
    }

    private static func type(_ subject: Subject) -> PrimitiveType {
        switch subject {
        case .column(_, let type), .partition(_, let type): type
        }
    }

    // MARK: Files

    /// False only when partition or bounds prove that no row of the file fulfils the condition.
    func mayMatch(_ file: DataFile) -> Bool { terms.allSatisfy { mayMatch($0, file) } }

    private func mayMatch(_ term: Term, _ file: DataFile) -> Bool {
        guard let spec = metadata.spec(id: file.specID) else { return true }
        switch term.subject {
        case .partition(let name, _):
            guard let place = spec.fields.firstIndex(where: { $0.name == name }) else { return true }
            guard let found = file.partition[place] else { return false }
            return term.values.contains { Self.holds(found, term.relation, $0) }
        case .column(let id, let type):
            for (place, field) in spec.fields.enumerated() where field.sourceID == id && field.transform != .void {
                let found = file.partition[place]
                guard term.values.contains(where: { Self.mayHold(found, field.transform, term.relation, $0) }) else { return false }
            }
            if let values = file.valueCounts[id], values > 0, file.nullValueCounts[id] == values { return false }
            let lower = file.lowerBounds[id].flatMap { Datum(singleValue: $0, type: type) }
            let upper = file.upperBounds[id].flatMap { Datum(singleValue: $0, type: type) }
            return term.values.contains { Self.mayHold(lower, upper, term.relation, $0) }
        }
    }

    private static func holds(_ found: Datum, _ relation: FilePredicate.Operator, _ value: Datum) -> Bool {
        // Not by `==`, for which the zeros are two.
        let (isLess, isGreater) = (Datum.isLess(found, value), Datum.isLess(value, found))
        return switch relation {
        case .equal, .isIn: found == value || isLess != true && isGreater != true
        case .less: isLess ?? true
        case .lessOrEqual: isGreater != true
        case .greater: isGreater ?? true
        case .greaterOrEqual: isLess != true
        }
    }

    /// Whether rows whose transformed value is `found` can fulfil the comparison.
    private static func mayHold(_ found: Datum?, _ transform: Transform, _ relation: FilePredicate.Operator, _ value: Datum) -> Bool {
        // A transform of null is null, and null compares with nothing.
        guard let found else { return false }
        if transform == .identity { return holds(found, relation, value) }
        guard let result = try? transform.apply(value), result.isSameKind(as: found) else { return true }
        switch (transform, relation) {
        case (.unknown, _): return true
        case (_, .equal), (_, .isIn): return holds(found, .equal, result)
        case (.bucket, _): return true
        // The others keep the order, but lay neighbours together.
        case (_, .less), (_, .lessOrEqual): return holds(found, .lessOrEqual, result)
        case (_, .greater), (_, .greaterOrEqual): return holds(found, .greaterOrEqual, result)
        }
    }

    private static func mayHold(_ lower: Datum?, _ upper: Datum?, _ relation: FilePredicate.Operator, _ value: Datum) -> Bool {
        func isBelow(_ a: Datum?, _ b: Datum?) -> Bool { if let a, let b { Datum.isLess(a, b) ?? false } else { false } }
        switch relation {
        case .equal, .isIn: return !isBelow(value, lower) && !isBelow(upper, value)
        case .less: return lower.map { Datum.isLess($0, value) ?? true } ?? true
        case .lessOrEqual: return !isBelow(value, lower)
        case .greater: return upper.map { Datum.isLess(value, $0) ?? true } ?? true
        case .greaterOrEqual: return !isBelow(upper, value)
        }
    }

    // MARK: Literals

    private static func value(_ literal: FilePredicate.Literal, _ type: PrimitiveType, _ column: String) throws(UnfitColumn) -> Datum {
        guard let value = value(literal, type) else {
            let found = literal.isQuoted ? "'\(literal.text)'" : literal.text
            throw UnfitColumn(flag: flag, column: column, reason: "expected \(example(type)), found \(found)")
        }
        return value
    }

    /// What a literal of a type looks like.
    private static func example(_ type: PrimitiveType) -> String {
        switch type {
        case .string: "a text in single quotes"
        case .date: "a date such as '2026-02-18'"
        case .timestamp, .timestamptz: "a \(type) such as '2026-02-18T10:00:00Z'"
        case .uuid: "a uuid in single quotes"
        case .boolean: "true or false"
        case .int: "an int"
        default: "a \(type)"
        }
    }

    private static func value(_ literal: FilePredicate.Literal, _ type: PrimitiveType) -> Datum? {
        let text = literal.text
        switch type {
        case .boolean: return text == "true" ? .boolean(true) : text == "false" ? .boolean(false) : nil
        case .int: return Int32(text).map { .int($0) }
        case .long: return Int64(text).map { .long($0) }
        case .float: return Float(text).map { .float($0) }
        case .double: return Double(text).map { .double($0) }
        case .decimal(let precision, let scale):
            guard let number = FixedDecimal(text)?.rescaled(to: UInt8(scale)) else { return nil }
            let datum = Datum.decimal(number.mantissa)
            return datum.fits(.decimal(precision: precision, scale: scale)) ? datum : nil
        case .string: return literal.isQuoted ? .string(text) : nil
        case .date: return day(text).map { .date(Int32(clamping: $0)) }
        case .timestamp, .timestamptz: return time(text).map { .timestamp($0) }
        case .uuid: return uuid(text)
        case .time, .binary, .fixed: return nil
        }
    }

    private static func day(_ text: String) -> Int64? { Timestamp("\(text)T00:00:00Z")?.day }

    /// A date, or a time of RFC 3339 whose offset may be left out: then it is UTC.
    private static func time(_ text: String) -> Int64? {
        if let day = day(text) { return day * Timestamp.microsecondsPerDay }
        var text = text
        if let space = text.firstIndex(of: " ") { text.replaceSubrange(space...space, with: "T") }
        return (Timestamp(text) ?? Timestamp(text + "Z"))?.microseconds
    }

    private static func uuid(_ text: String) -> Datum? {
        let bytes = Array(text.utf8)
        guard let value = UUIDValue(bytes.span) else { return nil }
        return .uuid(withUnsafeBytes(of: value.bits.bigEndian) { Array($0) })
    }
}

extension Datum {
    fileprivate func isSameKind(as other: Datum) -> Bool { self == other || Datum.isLess(self, other) != nil }
}
