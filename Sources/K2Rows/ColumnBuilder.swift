import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

/// Collects the values of one column from the members of records.
public struct ColumnBuilder: Sendable {
    public let definition: ColumnDefinition
    /// A bronze payload is JSON as it stands; its escapes are its own.
    private let takesJSON: Bool

    // One of these is used, by type; separate arrays can be appended to in place.
    public internal(set) var booleans: [Bool] = []
    public internal(set) var int32s: [Int32] = []
    public internal(set) var int64s: [Int64] = []
    public internal(set) var int128s: [Int128] = []
    public internal(set) var uuids: [UInt128] = []
    public internal(set) var strings = StringBuilder()
    public private(set) var mapValues = StringBuilder()
    /// Ends of the lists and maps in their elements; the first is 0.
    public private(set) var offsets: [UInt32] = [0]
    /// One entry a row, false for null; empty for a required column.
    public internal(set) var validity: [Bool] = []

    public init(_ definition: ColumnDefinition) {
        self.definition = definition
        takesJSON = definition.name == "payload"
    }

    private var name: StaticString { definition.key }

    /// Bytes held, about.
    public var byteCount: Int {
        booleans.count + int32s.count * 4 + int64s.count * 8 + (int128s.count + uuids.count) * 16 + strings.byteCount
            + mapValues.byteCount + (offsets.count - 1) * 4 + validity.count
    }

    /// Appends the member at `node`; −1 stands for a missing one. On error nothing is appended.
    public mutating func append(
        _ node: Int32, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        scratch: inout ByteWriter
    ) throws(RecordError) {
        if node < 0 && !definition.isRequired { return appendNull() }
        switch definition.type {
        case .string:
            let isJSON = takesJSON && node >= 0 && (document.kind(Int(node)) == .object || document.kind(Int(node)) == .array)
            let range = isJSON ? document.range(Int(node)) : try RecordReader.string(node, name, document, text)
            Self.append(text.part(range), document.hasEscapes && !isJSON, &scratch, to: &strings)
        case .timestamp: int64s.append(try RecordReader.time(node, name, document, text).microseconds)
        case .decimal(_, let scale): int128s.append(try decimal(node, scale, document, text))
        case .int64: int64s.append(try RecordReader.integer(node, name, document, text))
        case .int32:
            guard let value = Int32(exactly: try RecordReader.integer(node, name, document, text)) else {
                throw RecordReader.refused(Int(node), name, "an integer of 32 bits", document, text)
            }
            int32s.append(value)
        case .boolean: booleans.append(try RecordReader.boolean(node, name, document, text))
        case .uuid:
            let range = try RecordReader.string(node, name, document, text)
            guard let uuid = UUIDValue(text.part(range)) else {
                throw RecordReader.refused(Int(node), name, "a UUID", document, text)
            }
            uuids.append(uuid.bits)
        case .stringList: try appendList(node, document, text, &scratch)
        case .stringMap: try appendMap(node, document, text, &scratch)
        }
        if !definition.isRequired { validity.append(true) }
    }

    private static func append(
        _ value: Span<UInt8>, _ hasEscapes: Bool, _ scratch: inout ByteWriter, to builder: inout StringBuilder
    ) {
        guard hasEscapes else { return builder.append(value) }
        scratch.removeAll()
        JSONString.decode(value, into: &scratch)
        builder.append(scratch.bytes)
    }

    private func decimal(
        _ node: Int32, _ scale: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(RecordError) -> Int128 {
        let value = try RecordReader.decimal(node, name, document, text)
        guard let fitting = value.rescaled(to: UInt8(scale)) else {
            throw RecordReader.refused(
                Int(node), name, scale == 12 ? "at most 38 digits, 12 of them decimals" : "at most 38 digits, 18 of them decimals",
                document, text)
        }
        return fitting.mantissa
    }

    private mutating func appendList(
        _ node: Int32, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        _ scratch: inout ByteWriter
    ) throws(RecordError) {
        if node >= 0 {
            let list = Int(node)
            guard document.kind(list) == .array, isAllStrings(list, document, isObject: false) else {
                throw RecordReader.refused(list, name, "an array of strings", document, text)
            }
            var element = list + 1
            while element < document.next(list) {
                Self.append(text.part(document.range(element)), document.hasEscapes, &scratch, to: &strings)
                element += 1
            }
        }
        offsets.append(UInt32(strings.count))
    }

    private mutating func appendMap(
        _ node: Int32, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        _ scratch: inout ByteWriter
    ) throws(RecordError) {
        if node >= 0 {
            let object = Int(node)
            guard document.kind(object) == .object, isAllStrings(object, document, isObject: true) else {
                throw RecordReader.refused(object, name, "an object of strings", document, text)
            }
            var key = object + 1
            while key < document.next(object) {
                Self.append(text.part(document.range(key)), document.hasEscapes, &scratch, to: &strings)
                Self.append(text.part(document.range(key + 1)), document.hasEscapes, &scratch, to: &mapValues)
                key += 2
            }
        }
        offsets.append(UInt32(strings.count))
    }

    private func isAllStrings(_ parent: Int, _ document: borrowing JSONDocument, isObject: Bool) -> Bool {
        var node = parent + 1
        while node < document.next(parent) {
            if isObject { node += 1 }
            if document.kind(node) != .string { return false }
            node += 1
        }
        return true
    }

    /// Appends a member of a canonical trade line, or nothing that is there for an absent one. Returns
    /// false, and appends nothing, when the value is not one of this column.
    public mutating func append(canonical range: ByteRange, _ text: Span<UInt8>) -> Bool {
        if range.lower < 0 && !definition.isRequired {
            appendNull()
            return true
        }
        switch definition.type {
        case .string: strings.append(text.part(range))
        case .timestamp:
            guard let time = try? Timestamp(rfc3339: text.part(range)) else { return false }
            int64s.append(time.microseconds)
        case .decimal(_, let scale):
            guard let value = try? FixedDecimal(text.part(range)), let fitting = value.rescaled(to: UInt8(scale)) else {
                return false
            }
            int128s.append(fitting.mantissa)
        case .int64:
            guard let value = RecordReader.integer(text.part(range)) else { return false }
            int64s.append(value)
        case .boolean: booleans.append(text.part(range).equals("true"))
        case .uuid:
            guard let uuid = UUIDValue(text.part(range)) else { return false }
            uuids.append(uuid.bits)
        case .stringList: appendStrings(canonical: range, text, isMap: false)
        case .stringMap: appendStrings(canonical: range, text, isMap: true)
        case .int32: return false
        }
        if !definition.isRequired { validity.append(true) }
        return true
    }

    private mutating func appendStrings(canonical range: ByteRange, _ text: Span<UInt8>, isMap: Bool) {
        if range.lower >= 0 {
            let inner = text.part(range)
            var walk = PlainStrings(inner)
            while let first = walk.next() {
                strings.append(inner.part(first))
                if isMap, let second = walk.next() { mapValues.append(inner.part(second)) }
            }
        }
        offsets.append(UInt32(strings.count))
    }

    /// Appends a placeholder: a null, or the value of a row that will not be written.
    public mutating func appendNull() {
        switch definition.type {
        case .string: strings.appendEmpty()
        case .timestamp, .int64: int64s.append(0)
        case .decimal: int128s.append(0)
        case .int32: int32s.append(0)
        case .boolean: booleans.append(false)
        case .uuid: uuids.append(0)
        case .stringList, .stringMap: offsets.append(UInt32(strings.count))
        }
        if !definition.isRequired { validity.append(false) }
    }

    // MARK: Values of this column's type

    public mutating func append(_ value: Bool) { booleans.append(value); note() }
    public mutating func append(_ value: Int32) { int32s.append(value); note() }
    /// Integers and times.
    public mutating func append(_ value: Int64) { int64s.append(value); note() }
    /// The unscaled number of a decimal.
    public mutating func append(_ value: Int128) { int128s.append(value); note() }
    public mutating func append(_ value: UInt128) { uuids.append(value); note() }
    public mutating func append(_ value: Span<UInt8>) { strings.append(value); note() }

    /// Puts a string into the list that the next `endList` ends.
    public mutating func appendElement(_ value: Span<UInt8>) { strings.append(value) }
    /// Puts a value into the map that the next `endList` ends; its keys come by `appendElement`, in the same order.
    public mutating func appendMapValue(_ value: Span<UInt8>) { mapValues.append(value) }
    public mutating func endList() {
        offsets.append(UInt32(strings.count))
        note()
    }

    private mutating func note() { if !definition.isRequired { validity.append(true) } }

    public mutating func removeAll() {
        booleans.removeAll(keepingCapacity: true)
        int32s.removeAll(keepingCapacity: true)
        int64s.removeAll(keepingCapacity: true)
        int128s.removeAll(keepingCapacity: true)
        uuids.removeAll(keepingCapacity: true)
        strings.removeAll()
        mapValues.removeAll()
        offsets.removeAll(keepingCapacity: true)
        offsets.append(0)
        validity.removeAll(keepingCapacity: true)
    }
}
