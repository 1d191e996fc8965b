import K2Bytes

/// Hands out a few fields of each record of a container file, in the file's order, and passes over the others without making values of them.
///
/// For files of which little is wanted: a manifest's paths without the statistics of its files. Memory is that of one block.
public struct AvroScan {
    private let step: AvroStep
    private var blocks: AvroBlocks
    private var block = AvroBlocks.Block(count: 0, content: [], offset: 0)
    private var offset = 0
    private var recordsLeft: Int64 = 0
    private var valuesLeft = 0
    private var found: [Found]

    /// What a record has of a field.
    private enum Found {
        case nothing
        case integer(Int64)
        case bytes(Range<Int>)
    }

    /// - Parameters:
    ///   - fields: the wanted fields, each as Iceberg's field ids from the record down: `[2, 100]` is field 100 of the record in field 2. An
    ///     integer, text or bytes, or a union of null and one of these. Fields that the file does not have are null.
    ///   - limit: as for `AvroFile`.
    public init(_ bytes: [UInt8], fields: [[Int]], limit: Int? = nil) throws(AvroError) {
        blocks = try AvroBlocks(bytes, limit: limit)
        step = try AvroStep(blocks.schema, wanted: fields.enumerated().map { ($0.element[...], $0.offset) })
        found = Array(repeating: .nothing, count: fields.count)
    }

    /// The metadata value called `key` as text.
    public func text(_ key: String) -> String? { blocks.metadata[key].flatMap { String(validating: $0, as: UTF8.self) } }

    /// Goes to the next record; false when there is none.
    public mutating func next() throws(AvroError) -> Bool {
        while recordsLeft == 0 {
            guard offset == block.content.count else { throw block.leftOver(from: offset) }
            guard let next = try blocks.next() else { return false }
            block = next
            offset = 0
            recordsLeft = block.count
            valuesLeft = block.content.count * 8 + 16
        }
        recordsLeft -= 1
        for place in found.indices { found[place] = .nothing }
        let content = block.content
        var cursor = ByteCursor(content.span)
        do throws(ByteError) { try cursor.skip(offset) } catch { throw AvroError(error) }
        try Self.walk(step, &cursor, &found, &valuesLeft)
        offset = cursor.offset
        return true
    }

    /// The field at `place` of `fields`; nil when it is null or not an integer.
    public func integer(_ place: Int) -> Int64? { if case .integer(let value) = found[place] { value } else { nil } }

    /// The field at `place` of `fields`; nil when it is null, or neither text nor bytes.
    /// - Throws: when it is not UTF-8.
    public func text(_ place: Int) throws(AvroError) -> String? {
        guard case .bytes(let range) = found[place] else { return nil }
        guard let text = String(validating: block.content[range], as: UTF8.self) else {
            throw AvroError(.malformed, "string is not utf-8", at: range.lowerBound)
        }
        return text
    }

    private static func walk(
        _ step: AvroStep, _ cursor: inout ByteCursor, _ found: inout [Found], _ valuesLeft: inout Int
    ) throws(AvroError) {
        valuesLeft -= 1
        guard valuesLeft >= 0 else { throw AvroError(.malformed, "more values than the bytes can hold", at: cursor.offset) }
        do throws(ByteError) {
            switch step {
            case .nothing: return
            case .fixed(let count): return try cursor.skip(count)
            case .varint: return _ = try cursor.readVarint()
            case .bytes: return try cursor.skip(Int(clamping: try cursor.readZigzag()))
            case .takeInteger(let place): return found[place] = .integer(try cursor.readZigzag())
            case .takeBytes(let place):
                let count = Int(clamping: try cursor.readZigzag())
                let start = cursor.offset
                try cursor.skip(count)
                return found[place] = .bytes(start..<start + count)
            default: break
            }
        } catch { throw AvroError(error) }
        try walkNested(step, &cursor, &found, &valuesLeft)
    }

    private static func walkNested(
        _ step: AvroStep, _ cursor: inout ByteCursor, _ found: inout [Found], _ valuesLeft: inout Int
    ) throws(AvroError) {
        switch step {
        case .record(let steps): for step in steps { try walk(step, &cursor, &found, &valuesLeft) }
        case .union(let branches):
            let start = cursor.offset
            let branch = try zigzag(&cursor)
            guard branch >= 0, branch < branches.count else { throw AvroError(.malformed, "union: branch \(branch) of \(branches.count)", at: start) }
            try walk(branches[Int(branch)], &cursor, &found, &valuesLeft)
        case .items(let item):
            while case let count = try zigzag(&cursor), count != 0 {
                if count < 0 {
                    // The block says how many bytes it has.
                    let size = Int(clamping: try zigzag(&cursor))
                    do throws(ByteError) { try cursor.skip(size) } catch { throw AvroError(error) }
                    continue
                }
                for _ in 0..<count { try walk(item, &cursor, &found, &valuesLeft) }
            }
        default: break
        }
    }

    private static func zigzag(_ cursor: inout ByteCursor) throws(AvroError) -> Int64 {
        do throws(ByteError) { return try cursor.readZigzag() } catch { throw AvroError(error) }
    }
}

/// What is done with the bytes of a value: they are passed over, or taken.
private indirect enum AvroStep {
    case nothing
    case fixed(Int)
    case varint
    case bytes
    case takeInteger(Int)
    case takeBytes(Int)
    case record([AvroStep])
    case union([AvroStep])
    /// Of an array, or the entries of a map.
    case items(AvroStep)

    /// - Parameter wanted: the rest of the way to each wanted field below here, and its place.
    init(_ schema: AvroSchema, wanted: [(path: ArraySlice<Int>, place: Int)]) throws(AvroError) {
        let place = wanted.first { $0.path.isEmpty }?.place
        func unwanted() -> AvroError { AvroError(.unsupported, "only integers and texts can be picked out") }
        switch schema.kind {
        case .null: self = .nothing
        case .boolean: self = .fixed(1)
        case .float: self = .fixed(4)
        case .double: self = .fixed(8)
        case .fixed(_, let size): self = .fixed(size)
        case .int, .long: self = place.map { .takeInteger($0) } ?? .varint
        case .bytes, .string: self = place.map { .takeBytes($0) } ?? .bytes
        case .array(let items): self = .items(try AvroStep(items, wanted: []))
        case .map(let values): self = .items(.record([.bytes, try AvroStep(values, wanted: [])]))
        case .union(let branches):
            var steps: [AvroStep] = []
            for branch in branches { steps.append(try AvroStep(branch, wanted: wanted)) }
            self = .union(steps)
            return
        case .record(_, let fields):
            var steps: [AvroStep] = []
            for field in fields {
                let below = wanted.filter { $0.path.first != nil && $0.path.first == field.fieldID }.map { (path: $0.path.dropFirst(), place: $0.place) }
                steps.append(try AvroStep(field.schema, wanted: below))
            }
            self = .record(steps)
        }
        switch self {
        case .takeInteger, .takeBytes, .nothing: break
        default: if place != nil { throw unwanted() }
        }
    }
}
