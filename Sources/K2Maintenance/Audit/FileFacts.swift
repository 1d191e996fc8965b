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
        switch leaf.values {
        case .boolean(let values):
            guard let first = values.first else { return nil }
            let isMixed = values.contains(!first)
            return (.boolean(isMixed ? false : first), .boolean(isMixed ? true : first))
        case .int32(let values):
            guard let (low, high) = range(values) else { return nil }
            return type == .long ? (.long(Int64(low)), .long(Int64(high))) : (.int(low), .int(high))
        case .int64(let values):
            guard let (low, high) = range(values) else { return nil }
            return type == .long ? (.long(low), .long(high)) : (.timestamp(low), .timestamp(high))
        case .byteArray(let values):
            guard let (low, high) = range(values) else { return nil }
            return (.string(String(decoding: values[low], as: UTF8.self)), .string(String(decoding: values[high], as: UTF8.self)))
        case .float, .double, .fixed: return nil
        }
    }

    private static func range<T: Comparable>(_ values: [T]) -> (T, T)? {
        guard var low = values.first else { return nil }
        var high = low
        for value in values {
            if value < low { low = value }
            if value > high { high = value }
        }
        return (low, high)
    }

    private static func wideBounds(_ values: WideValues, _ type: PrimitiveType) -> (Datum, Datum)? {
        guard values.count > 0 else { return nil }
        guard case .decimal = type else {
            let bits = (0..<values.count).map { UInt128(truncatingIfNeeded: values[$0]) }
            return range(bits).map { (uuid($0), uuid($1)) }
        }
        var (low, high) = (values[0], values[0])
        for index in 0..<values.count {
            low = min(low, values[index])
            high = max(high, values[index])
        }
        return (.decimal(low), .decimal(high))
    }

    private static func uuid(_ bits: UInt128) -> Datum { .uuid(withUnsafeBytes(of: bits.bigEndian) { Array($0) }) }

    /// Positions of a least and a greatest value, compared byte by byte.
    private static func range(_ values: ByteColumn) -> (Int, Int)? {
        guard values.count > 0 else { return nil }
        return values.data.withUnsafeBufferPointer { data in
            func value(_ index: Int) -> UnsafeBufferPointer<UInt8> {
                UnsafeBufferPointer(rebasing: data[Int(values.offsets[index])..<Int(values.offsets[index + 1])])
            }
            var (low, high) = (0, 0)
            for index in 1..<max(values.count, 1) {
                if isLess(value(index), value(low)) { low = index } else if isLess(value(high), value(index)) { high = index }
            }
            return (low, high)
        }
    }

    @inline(__always)
    private static func isLess(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
        let count = min(a.count, b.count)
        for index in 0..<count where a[index] != b[index] { return a[index] < b[index] }
        return a.count < b.count
    }
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
            guard let low = try? field.transform.apply(facts.lower), let high = try? field.transform.apply(facts.upper), low != value || high != value || facts.values < facts.entries
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
