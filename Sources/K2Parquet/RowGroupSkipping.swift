/// What a scan asks of one leaf.
public enum LeafPredicate: Equatable, Sendable {
    /// Some value lies between the two, both belong to it, and nil is open. Nulls and NaN lie nowhere.
    case within(lower: BoundValue?, upper: BoundValue?)
    /// Some value is one of these.
    case oneOf([BoundValue])
    /// Rows where the leaf is null; only decided for leaves of the top level.
    case isNull
    case isNotNull
}

/// What the footer says of the values of one column chunk, as far as it can be believed.
public struct ChunkFacts: Equatable, Sendable {
    /// Values, nulls counted.
    public var entryCount: Int64
    public var nullCount: Int64?
    /// No value lies below or above, nulls and NaN aside. Numbers and times as in `ParquetReader.field`.
    public var bounds: ClosedBounds?
    /// Whether a null is the row's own, and not that of something around it or in it.
    public var isTopLevel: Bool

    public struct ClosedBounds: Equatable, Sendable {
        public var least: BoundValue
        public var greatest: BoundValue

        public init(least: BoundValue, greatest: BoundValue) {
            self.least = least
            self.greatest = greatest
        }
    }

    public init(entryCount: Int64, nullCount: Int64? = nil, bounds: ClosedBounds? = nil, isTopLevel: Bool = true) {
        self.entryCount = entryCount
        self.nullCount = nullCount
        self.bounds = bounds
        self.isTopLevel = isTopLevel
    }

    /// - Parameter hasTypeDefinedOrder: whether the file says that its bounds follow the order of the column's type; without that nobody knows.
    public init(_ chunk: ColumnChunkMetadata, _ leaf: Leaf, hasTypeDefinedOrder: Bool) {
        self.init(entryCount: chunk.valueCount, isTopLevel: leaf.maxRepetition == 0 && leaf.path.count == 1)
        guard let statistics = chunk.statistics else { return }
        if let nulls = statistics.nullCount, (0...chunk.valueCount).contains(nulls) { nullCount = nulls }
        guard hasTypeDefinedOrder, let low = statistics.min, let high = statistics.max,
            let least = BoundValue(statistic: low, leaf), let greatest = BoundValue(statistic: high, leaf), !greatest.precedes(least)
        else { return }
        bounds = ClosedBounds(least: least, greatest: greatest)
    }

    /// False only when the facts prove that no row of the chunk is asked for.
    public func mayHold(_ predicate: LeafPredicate) -> Bool {
        switch predicate {
        case .isNull: return !isTopLevel || nullCount != 0
        case .isNotNull: return !isAllNull
        case .within(let lower, let upper): return !isAllNull && mayHold(lower, upper)
        case .oneOf(let values): return !isAllNull && values.contains { mayHold($0, $0) }
        }
    }

    private var isAllNull: Bool { isTopLevel && nullCount == entryCount }

    private func mayHold(_ lower: BoundValue?, _ upper: BoundValue?) -> Bool {
        guard let bounds else { return true }
        if let lower, bounds.greatest.widened.precedes(lower.widened) { return false }
        if let upper, upper.widened.precedes(bounds.least.widened) { return false }
        return true
    }
}

extension ParquetReader {
    /// The row groups that may hold a row for which all predicates hold; the others need not be read.
    public func rowGroups(where predicates: [(leaf: Int, predicate: LeafPredicate)]) -> [Int] {
        metadata.rowGroups.indices.filter { group in
            predicates.allSatisfy { leaf, predicate in
                let facts = ChunkFacts(
                    metadata.rowGroups[group].columns[leaf], schema.leaves[leaf], hasTypeDefinedOrder: metadata.hasTypeDefinedOrder)
                return facts.mayHold(predicate)
            }
        }
    }
}

extension BoundValue {
    /// The value in the wider type of its kind, as columns are widened over the life of a table.
    fileprivate var widened: BoundValue {
        switch self {
        case .int32(let value): .int64(Int64(value))
        case .float(let value): .double(Double(value))
        default: self
        }
    }

    /// A bound of the footer by its meaning; nil where the order of the type is not defined or the bytes do not fit.
    init?(statistic bytes: [UInt8], _ leaf: Leaf) {
        switch leaf.type {
        case .boolean:
            guard bytes.count == 1 else { return nil }
            self = .bool(bytes[0] != 0)
        case .int32:
            guard let word = Self.word(bytes, UInt32.self) else { return nil }
            self.init(Int32(bitPattern: word), leaf.element)
        case .int64:
            guard let word = Self.word(bytes, UInt64.self) else { return nil }
            self.init(Int64(bitPattern: word), leaf.element)
        case .float:
            guard let word = Self.word(bytes, UInt32.self), !Float(bitPattern: word).isNaN else { return nil }
            self = .float(Float(bitPattern: word))
        case .double:
            guard let word = Self.word(bytes, UInt64.self), !Double(bitPattern: word).isNaN else { return nil }
            self = .double(Double(bitPattern: word))
        case .byteArray, .fixedLenByteArray: self.init(bytes: bytes, leaf)
        case .int96: return nil
        }
    }

    private init?(_ value: Int32, _ element: SchemaElement) {
        switch ValueMeaning(element) {
        case .decimal: self = .decimal(Int128(value))
        case .unsigned: self = .int64(Int64(UInt32(bitPattern: value)))
        default: self = .int32(value)
        }
    }

    private init?(_ value: Int64, _ element: SchemaElement) {
        switch ValueMeaning(element) {
        case .decimal: self = .decimal(Int128(value))
        case .unsigned where value < 0: return nil
        case .coarserThanMicros(let factor):
            let (micros, overflow) = value.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            self = .int64(micros)
        // Rounded down: whole microseconds up to the greatest are those up to this one, and the least only gets lower.
        case .finerThanMicros(let factor): self = .int64(value >= 0 ? value / factor : -((-(value + 1)) / factor) - 1)
        default: self = .int64(value)
        }
    }

    private init?(bytes: [UInt8], _ leaf: Leaf) {
        if leaf.type == .fixedLenByteArray {
            if leaf.element.convertedType == .interval { return nil }
            if leaf.element.logicalType == .uuid {
                guard bytes.count == 16 else { return nil }
                self = .uuid(bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) })
                return
            }
        }
        switch leaf.element.logicalType {
        case .decimal: break
        case nil, .string, .enumeration, .json, .bson:
            if leaf.element.convertedType == .decimal { break }
            self = .bytes(bytes)
            return
        default: return nil
        }
        guard !bytes.isEmpty, let number = bytes.withUnsafeBytes({ LeafValues.number($0) }) else { return nil }
        self = .decimal(number)
    }

    private static func word<T: FixedWidthInteger>(_ bytes: [UInt8], _ type: T.Type) -> T? {
        bytes.count == T.bitWidth / 8 ? bytes.reversed().reduce(0) { $0 << 8 | T($1) } : nil
    }
}
