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
        /// A dictionary of which codes came, and which of its entries are used: bounds are made of these once for all pieces that share it.
        fileprivate var used: Used?
    }

    fileprivate struct Used {
        let dictionary: LeafDictionary
        let definition: ColumnDefinition
        var entries: [Bool]
    }

    private(set) var rows: Int64 = 0
    private(set) var columns: [Int: Facts] = [:]

    mutating func addRows(_ count: Int) { rows += Int64(count) }

    /// - Parameter ids: of the field, or of a list's element, or of a map's keys and values.
    mutating func add(_ column: ColdColumn, ids: [Int], _ schema: Schema) throws(ParquetError) {
        // What only the manifest says cannot be held against it.
        guard column.isStored else { return }
        for (leaf, id) in zip(column.leaves ?? [], ids) {
            guard let type = schema.primitiveType(of: id) else { continue }
            var facts = columns.removeValue(forKey: id) ?? Facts()
            defer { columns[id] = facts }
            facts.count(leaf)
            if case .coded(let codes, let dictionary) = leaf.values {
                if facts.used?.dictionary !== dictionary {
                    try facts.settle(type)
                    facts.used = Used(dictionary: dictionary, definition: column.definition, entries: [Bool](repeating: false, count: dictionary.count))
                }
                facts.mark(codes)
            } else {
                facts.widen(Self.bounds(leaf.values, 0..<leaf.values.count, type, column.wide?.numbers))
            }
        }
    }

    /// - Parameters:
    ///   - used: numbers of the values that count.
    ///   - wide: the values of decimals and UUIDs.
    fileprivate static func bounds(_ values: LeafValues, _ used: some Sequence<Int>, _ type: PrimitiveType, _ wide: [Int128]?) -> (Datum, Datum)? {
        if let wide { return wideBounds(used, type, wide) }
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
    private static func ends(_ numbers: some Sequence<Int>, _ isLess: (Int, Int) -> Bool) -> (Int, Int)? {
        var ends: (low: Int, high: Int)?
        for number in numbers {
            guard let (low, high) = ends else {
                ends = (number, number)
                continue
            }
            if isLess(number, low) { ends = (number, high) } else if isLess(high, number) { ends = (low, number) }
        }
        return ends
    }

    private static func wideBounds(_ used: some Sequence<Int>, _ type: PrimitiveType, _ values: [Int128]) -> (Datum, Datum)? {
        if case .decimal = type { return ends(used) { values[$0] < values[$1] }.map { (.decimal(values[$0]), .decimal(values[$1])) } }
        let ends = ends(used) { UInt128(truncatingIfNeeded: values[$0]) < UInt128(truncatingIfNeeded: values[$1]) }
        return ends.map { (uuid(values[$0]), uuid(values[$1])) }
    }

    private static func uuid(_ bits: Int128) -> Datum { .uuid(withUnsafeBytes(of: bits.bigEndian) { Array($0) }) }

    private static func textBounds(_ values: ByteColumn, _ used: some Sequence<Int>) -> (Datum, Datum)? {
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
    /// Takes the bounds of dictionaries in, which are made of the entries that are used.
    mutating func settle(_ schema: Schema) throws(ParquetError) {
        for id in columns.keys { if let type = schema.primitiveType(of: id) { try columns[id]?.settle(type) } }
    }

    /// Adds those of another part of the file.
    /// - Precondition: the other's are settled.
    mutating func add(_ other: FileFacts) {
        rows += other.rows
        for (id, more) in other.columns { columns[id, default: Facts()].add(more) }
    }

    /// Where the values of a column do not lie within what the footer says: readers leave out row groups by it.
    func problem(withFooter bounds: ChunkFacts.ClosedBounds, _ id: Int, _ schema: Schema) -> String? {
        guard let facts = columns[id], let lower = facts.lower, let upper = facts.upper, let type = schema.primitiveType(of: id),
            let least = Datum(bounds.least, type), let greatest = Datum(bounds.greatest, type)
        else { return nil }
        guard Datum.isLess(lower, least) == true || Datum.isLess(greatest, upper) == true else { return nil }
        return "\(schema.name(of: id) ?? "field \(id)"): the footer says \(least) to \(greatest), the data has \(lower) to \(upper)"
    }

    /// What of a manifest's account of the file does not hold, a line each.
    /// - Parameters:
    ///   - schema: of the table, for names and types.
    ///   - spec: by which the file's partition is made.
    func problems(with file: DataFile, _ schema: Schema, _ spec: PartitionSpec?) throws(ParquetError) -> [String] {
        var settled = self
        try settled.settle(schema)
        var (found, columns) = ([String](), settled.columns)
        if file.recordCount != rows { found.append("record count: manifest says \(file.recordCount), file has \(rows)") }
        for (id, facts) in columns.sorted(by: { $0.key < $1.key }) {
            guard let name = schema.name(of: id), let type = schema.primitiveType(of: id) else { continue }
            found += facts.problems(with: file, id, name, type)
        }
        if let spec { found += Self.partitionProblems(columns, file, spec) }
        return found
    }

    /// Values of a transform that keeps the order lie between those of the bounds.
    private static func partitionProblems(_ columns: [Int: Facts], _ file: DataFile, _ spec: PartitionSpec) -> [String] {
        zip(spec.fields, file.partition).compactMap { field, value in
            guard let facts = columns[field.sourceID], facts.values > 0, field.transform.keepsOrder else { return nil }
            guard let low = try? field.transform.apply(facts.lower), let high = try? field.transform.apply(facts.upper),
                low != value || high != value || facts.values < facts.entries
            else { return nil }
            return "partition \(field.name): manifest says \(text(value)), file has \(text(low)) to \(text(high))"
        }
    }

    private static func text(_ value: Datum?) -> String { value.map { "\($0)" } ?? "null" }
}

extension Datum {
    /// A bound of a footer as a value of a column of that type; nil for one of another.
    fileprivate init?(_ bound: BoundValue, _ type: PrimitiveType) {
        switch (bound, type) {
        case (.bool(let value), .boolean): self = .boolean(value)
        case (.int32(let value), .int): self = .int(value)
        case (.int32(let value), .long): self = .long(Int64(value))
        case (.int32(let value), .date): self = .date(value)
        case (.int64(let value), .long): self = .long(value)
        case (.int64(let value), .timestamp), (.int64(let value), .timestamptz): self = .timestamp(value)
        case (.decimal(let value), .decimal): self = .decimal(value)
        case (.uuid(let value), .uuid): self = .uuid(withUnsafeBytes(of: value.bigEndian) { Array($0) })
        // Bounds that were cut short may end within a character.
        case (.bytes(let bytes), .string): if let text = String(validating: bytes, as: UTF8.self) { self = .string(text) } else { return nil }
        default: return nil
        }
    }
}

extension FileFacts.Facts {
    fileprivate mutating func add(_ other: FileFacts.Facts) {
        entries += other.entries
        values += other.values
        nullElements += other.nullElements
        isNested = isNested || other.isNested
        if let lower = other.lower, let upper = other.upper { widen((lower, upper)) }
    }

    fileprivate mutating func count(_ leaf: LeafColumn) {
        entries += Int64(leaf.entryCount)
        values += Int64(leaf.values.count)
        guard leaf.leaf.maxRepetition > 0 else { return }
        isNested = true
        if leaf.leaf.element.repetition == .optional {
            let null = UInt8(leaf.leaf.maxDefinition - 1)
            nullElements += Int64(leaf.definitionLevels.count { $0 == null })
        }
    }

    fileprivate mutating func mark(_ codes: [UInt32]) {
        used?.entries.withUnsafeMutableBufferPointer { entries in
            for code in codes { entries[Int(code)] = true }
        }
    }

    fileprivate mutating func widen(_ bounds: (Datum, Datum)?) {
        guard let (low, high) = bounds else { return }
        if lower.flatMap({ Datum.isLess(low, $0) }) ?? true { lower = low }
        if upper.flatMap({ Datum.isLess($0, high) }) ?? true { upper = high }
    }

    /// Takes the bounds of the entries of the dictionary that are used.
    fileprivate mutating func settle(_ type: PrimitiveType) throws(ParquetError) {
        guard let known = used else { return }
        used = nil
        let values = known.dictionary.values
        let wide: [Int128]?
        switch known.definition.type {
        case .decimal, .uuid: wide = try values.wide(known.definition)
        default: wide = nil
        }
        widen(FileFacts.bounds(values, known.entries.indices.lazy.filter { known.entries[$0] }, type, wide))
    }

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
