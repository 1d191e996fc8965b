import Glibc
import K2Bytes
import K2Domain
import K2Iceberg
import K2Parquet

/// What the data of a file's columns really is: counts and bounds, by field id.
struct FileFacts {
    struct Facts {
        /// Values with nulls and empty lists, and what is written of them.
        var entries: Int64 = 0
        var values: Int64 = 0
        /// Inside a list or map: how many of the entries without a value are elements.
        var nullElements: Int64 = 0
        var isNested = false
        var lower: Datum?
        var upper: Datum?
    }

    private(set) var rows: Int64 = 0
    private(set) var columns: [Int: Facts] = [:]

    mutating func addRows(_ count: Int) { rows += Int64(count) }

    /// - Parameter ids: of the field, or of a list's element, or of a map's keys and values.
    mutating func add(_ column: ColdColumn, ids: [Int], _ schema: Schema) {
        for (leaf, id) in zip(column.leaves ?? [], ids) {
            if let type = schema.primitiveType(of: id) { add(leaf, id: id, type, wide: column.wide) }
        }
    }

    private mutating func add(_ leaf: LeafColumn, id: Int, _ type: PrimitiveType, wide: WideValues?) {
        var facts = columns[id] ?? Facts()
        facts.entries += Int64(leaf.entryCount)
        facts.values += Int64(leaf.values.count)
        if leaf.leaf.maxRepetition > 0 {
            facts.isNested = true
            if leaf.leaf.element.repetition == .optional {
                let null = UInt8(leaf.leaf.maxDefinition - 1)
                facts.nullElements += Int64(leaf.definitionLevels.count { $0 == null })
            }
        }
        if let (lower, upper) = Self.bounds(leaf, type, wide) {
            if facts.lower.flatMap({ Datum.isLess(lower, $0) }) ?? true { facts.lower = lower }
            if facts.upper.flatMap({ Datum.isLess($0, upper) }) ?? true { facts.upper = upper }
        }
        columns[id] = facts
    }

    private static func bounds(_ leaf: LeafColumn, _ type: PrimitiveType, _ wide: WideValues?) -> (Datum, Datum)? {
        if let wide { return wideBounds(wide, type) }
        var (values, used) = (leaf.values, Array(0..<leaf.values.count))
        if case .coded(let codes, let dictionary) = leaf.values {
            var isUsed = [Bool](repeating: false, count: dictionary.count)
            for code in codes { isUsed[Int(code)] = true }
            (values, used) = (dictionary.values, isUsed.indices.filter { isUsed[$0] })
        }
        switch values {
        case .boolean(let values): return ends(used) { !values[$0] && values[$1] }.map { (.boolean(values[$0]), .boolean(values[$1])) }
        case .int32(let values):
            let ends = ends(used) { values[$0] < values[$1] }
            return ends.map { type == .long ? (.long(Int64(values[$0])), .long(Int64(values[$1]))) : (.int(values[$0]), .int(values[$1])) }
        case .int64(let values):
            let ends = ends(used) { values[$0] < values[$1] }
            return ends.map { type == .long ? (.long(values[$0]), .long(values[$1])) : (.timestamp(values[$0]), .timestamp(values[$1])) }
        case .byteArray(let values): return textBounds(values, used)
        case .float, .double, .fixed, .coded: return nil
        }
    }

    /// A least and a greatest of some numbers.
    @inline(__always)
    private static func ends(_ numbers: [Int], _ isLess: (Int, Int) -> Bool) -> (Int, Int)? {
        guard var low = numbers.first else { return nil }
        var high = low
        for number in numbers {
            if isLess(number, low) { low = number } else if isLess(high, number) { high = number }
        }
        return (low, high)
    }

    private static func wideBounds(_ values: WideValues, _ type: PrimitiveType) -> (Datum, Datum)? {
        guard values.count > 0 else { return nil }
        var (low, high) = (values[0], values[0])
        guard case .decimal = type else {
            for index in 0..<values.count {
                if UInt128(truncatingIfNeeded: values[index]) < UInt128(truncatingIfNeeded: low) { low = values[index] }
                if UInt128(truncatingIfNeeded: values[index]) > UInt128(truncatingIfNeeded: high) { high = values[index] }
            }
            return (uuid(low), uuid(high))
        }
        for index in 0..<values.count {
            low = min(low, values[index])
            high = max(high, values[index])
        }
        return (.decimal(low), .decimal(high))
    }

    private static func uuid(_ bits: Int128) -> Datum { .uuid(withUnsafeBytes(of: bits.bigEndian) { Array($0) }) }

    private static func textBounds(_ values: ByteColumn, _ used: [Int]) -> (Datum, Datum)? {
        let found = values.data.withUnsafeBufferPointer { data in
            ends(used) { a, b in
                let (x, y) = (Int(values.offsets[a])..<Int(values.offsets[a + 1]), Int(values.offsets[b])..<Int(values.offsets[b + 1]))
                let order = data.baseAddress.map { memcmp($0 + x.lowerBound, $0 + y.lowerBound, min(x.count, y.count)) } ?? 0
                return order < 0 || order == 0 && x.count < y.count
            }
        }
        return found.map { (text(values[$0]), text(values[$1])) }
    }

    private static func text(_ bytes: [UInt8]) -> Datum { .string(String(decoding: bytes, as: UTF8.self)) }
}

extension FileFacts {
    /// What of a manifest's account of the file does not hold, a line each.
    /// - Parameters:
    ///   - schema: of the table, for names and types.
    ///   - spec: by which the file's partition is made.
    func problems(with file: DataFile, _ schema: Schema, _ spec: PartitionSpec?) -> [String] {
        var found: [String] = []
        if file.recordCount != rows { found.append("record count: manifest says \(file.recordCount), file has \(rows)") }
        for (id, facts) in columns.sorted(by: { $0.key < $1.key }) {
            guard let name = schema.name(of: id), let type = schema.primitiveType(of: id) else { continue }
            found += facts.problems(with: file, id, name, type)
        }
        if let spec { found += partitionProblems(file, spec, schema) }
        return found
    }

    /// Values of a transform that keeps the order lie between those of the bounds.
    private func partitionProblems(_ file: DataFile, _ spec: PartitionSpec, _ schema: Schema) -> [String] {
        zip(spec.fields, file.partition).compactMap { field, value in
            guard let facts = columns[field.sourceID], facts.values > 0, field.transform.keepsOrder else { return nil }
            guard let low = try? field.transform.apply(facts.lower), let high = try? field.transform.apply(facts.upper),
                low != value || high != value || facts.values < facts.entries
            else { return nil }
            return "partition \(field.name): manifest says \(Self.text(value)), file has \(Self.text(low)) to \(Self.text(high))"
        }
    }

    private static func text(_ value: Datum?) -> String { value.map { "\($0)" } ?? "null" }
}

extension FileFacts.Facts {
    fileprivate func problems(with file: DataFile, _ id: Int, _ name: String, _ type: PrimitiveType) -> [String] {
        var found: [String] = []
        let nulls = entries - values
        // Writers count inside lists differently: entries, or elements alone.
        let counts = isNested ? [entries, values + nullElements] : [entries]
        let nullCounts = isNested ? [nulls, nullElements] : [nulls]
        if let count = file.valueCounts[id], !counts.contains(count) { found.append("\(name): manifest says \(count) values, file has \(entries)") }
        if let count = file.nullValueCounts[id], !nullCounts.contains(count) { found.append("\(name): manifest says \(count) nulls, file has \(nulls)") }
        guard let lower, let upper else { return found }
        if let bytes = file.lowerBounds[id] {
            guard let bound = Datum(singleValue: bytes, type: type) else { return found + ["\(name): lower bound of \(bytes.count) bytes is no \(type)"] }
            if Datum.isLess(lower, bound) ?? true { found.append("\(name): lower bound \(bound) is above \(lower)") }
        }
        if let bytes = file.upperBounds[id] {
            guard let bound = Datum(singleValue: bytes, type: type) else { return found + ["\(name): upper bound of \(bytes.count) bytes is no \(type)"] }
            if Datum.isLess(bound, upper) ?? true { found.append("\(name): upper bound \(bound) is below \(upper)") }
        }
        return found
    }
}
