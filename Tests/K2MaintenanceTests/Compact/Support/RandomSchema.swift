import K2Iceberg
import K2TestSupport

/// A schema of random types, and how it may change.
struct RandomSchema {
    private(set) var schema: Schema
    private var nextID: Int

    /// Column 1 partitions, columns 2 to 4 are there to sort and delete by; the others are of any type.
    init(_ random: inout Seeded) throws {
        nextID = 5
        schema = try Schema(fields: [
            NestedField(1, "part", .int, required: false), NestedField(2, "id", .long, required: true), NestedField(3, "name", .string, required: false),
            NestedField(4, "price", .decimal(18, 4), required: false),
        ])
        for _ in 0..<random.int(1...5) { schema.fields.append(field("c\(nextID)", isOptional: true, depth: 0, &random)) }
    }

    private mutating func id() -> Int {
        nextID += 1
        return nextID - 1
    }

    private mutating func field(_ name: String, isOptional: Bool, depth: Int, _ random: inout Seeded) -> NestedField {
        let id = id()
        return NestedField(id, name, type(depth, &random), required: !isOptional && random.once(in: 2))
    }

    private mutating func type(_ depth: Int, _ random: inout Seeded) -> IcebergType {
        switch random.int(0...(depth < 3 ? 9 : 5)) {
        case 6:
            let count = random.int(1...3)
            var fields: [NestedField] = []
            for number in 0..<count { fields.append(field("f\(number)", isOptional: false, depth: depth + 1, &random)) }
            return .structure(fields)
        case 7, 8: return .list(ListType(elementID: id(), element: type(depth + 1, &random), elementRequired: random.once(in: 2)))
        case 9:
            let (key, value) = (id(), id())
            return .map(
                MapType(keyID: key, key: random.pick([.string, .int]), valueID: value, value: type(depth + 1, &random), valueRequired: random.once(in: 2)))
        default: return .primitive(random.pick(Self.primitives))
        }
    }

    private static let primitives: [PrimitiveType] = [
        .boolean, .int, .long, .float, .double, .date, .time, .timestamp, .timestamptz, .string, .uuid, .binary, .fixed(3), .decimal(precision: 7, scale: 2),
        .decimal(precision: 15, scale: 0), .decimal(precision: 30, scale: 9),
    ]

    // MARK: Evolution

    /// Adds, drops, renames, moves and widens some fields.
    mutating func evolve(_ random: inout Seeded) {
        var fields = schema.fields
        for _ in 0..<random.int(1...3) { change(&fields, isTop: true, &random) }
        schema.fields = fields
        schema.schemaID += 1
    }

    private mutating func change(_ fields: inout [NestedField], isTop: Bool, _ random: inout Seeded) {
        // The first four stay where tests look for them.
        let first = isTop ? 4 : 0
        switch random.int(0...5) {
        case 0: fields.append(field("n\(nextID)", isOptional: true, depth: isTop ? 0 : 2, &random))
        case 1 where fields.count > first + 1: fields.remove(at: random.int(first...(fields.count - 1)))
        case 2 where fields.count > first: fields[random.int(first...(fields.count - 1))].name = "r\(nextID)-\(random.int(0...999))"
        case 3 where fields.count > first + 1: fields.swapAt(random.int(first...(fields.count - 1)), random.int(first...(fields.count - 1)))
        default:
            guard fields.count > first else { return }
            let place = random.int(first...(fields.count - 1))
            fields[place].type = changed(fields[place].type, &random)
        }
    }

    private mutating func changed(_ type: IcebergType, _ random: inout Seeded) -> IcebergType {
        switch type {
        case .primitive(.int): return .long
        case .primitive(.float): return .double
        case .primitive(.decimal(let precision, let scale)): return .decimal(min(precision + random.int(0...12), 38), scale)
        case .primitive: return type
        case .structure(var fields):
            change(&fields, isTop: false, &random)
            return fields.isEmpty ? type : .structure(fields)
        case .list(var list):
            list.element = changed(list.element, &random)
            return .list(list)
        case .map(var map):
            map.value = changed(map.value, &random)
            return .map(map)
        }
    }

    // MARK: Rows

    static func row(_ schema: Schema, id: Int64, part: Int64?, _ random: inout Seeded) -> Row {
        var row: Row = [:]
        for field in schema.fields {
            switch field.id {
            case 1: row[1] = part.map { .integer($0) }
            case 2: row[2] = .integer(id)
            case 3: row[3] = random.once(in: 6) ? nil : .bytes(Array("n\(random.int(0...9))".utf8))
            default:
                let cell = cell(field.type, isOptional: !field.required, depth: 0, &random)
                if cell != .null { row[field.id] = cell }
            }
        }
        return row
    }

    private static func cell(_ type: IcebergType, isOptional: Bool, depth: Int, _ random: inout Seeded) -> Cell {
        if isOptional, random.once(in: 4) { return .null }
        switch type {
        case .primitive(let primitive): return cell(primitive, &random)
        case .structure(let fields):
            var values: [Int: Cell] = [:]
            for field in fields {
                let value = cell(field.type, isOptional: !field.required, depth: depth + 1, &random)
                if value != .null { values[field.id] = value }
            }
            return .structure(values)
        case .list(let list):
            return .list((0..<random.int(0...3)).map { _ in cell(list.element, isOptional: !list.elementRequired, depth: depth + 1, &random) })
        case .map(let map):
            return .map((0..<random.int(0...3)).map { _ in
                [cell(map.key, isOptional: false, depth: depth + 1, &random), cell(map.value, isOptional: !map.valueRequired, depth: depth + 1, &random)]
            })
        }
    }

    private static func cell(_ type: PrimitiveType, _ random: inout Seeded) -> Cell {
        switch type {
        case .boolean: return .integer(Int64(random.int(0...1)))
        case .int, .date: return .integer(random.pick([Int64(Int32.min), -1, 0, 7, Int64(Int32.max), Int64(random.int(0...20))]))
        case .long: return .integer(random.pick([.min, -1, 0, .max, Int64(random.int(0...1_000_000))]))
        case .time: return .integer(Int64(random.int(0...86_399_999_999)))
        case .timestamp, .timestamptz: return .integer(Int64(random.int(1_700_000_000_000_000...1_700_000_009_000_000)))
        case .float: return .bits(Double(random.pick([Float.pi, -0.0, 0, .infinity, 1.5, Float(random.int(0...9))])).bitPattern)
        case .double: return .bits(random.pick([Double.pi, -0.0, 0, -.infinity, 1e300, Double(random.int(0...9))]).bitPattern)
        case .string: return .bytes(Array(random.pick(["", "ä", "text", "€\(random.int(0...30))", String(repeating: "long", count: 30)]).utf8))
        case .binary: return .bytes(random.bytes(random.int(0...9)))
        case .uuid: return .bytes(random.bytes(16))
        case .fixed(let length): return .bytes(random.bytes(length))
        case .decimal(let precision, _):
            var limit: Int128 = 1
            for _ in 0..<precision { limit *= 10 }
            let wide = Int128(truncatingIfNeeded: random.next()) << 64 | Int128(random.next())
            return .decimal(random.pick([limit - 1, 1 - limit, 0, wide % limit, Int128(random.int(0...9))]))
        }
    }
}
