import K2Iceberg
import K2Parquet
import Testing

@testable import K2Lake

struct FileLeavesTests {
    // A few words for schemas of files.

    private static func leaf(
        _ name: String, _ type: PhysicalType = .int32, id: Int32? = nil, _ repetition: Repetition = .optional, width: Int32? = nil, _ logical: LogicalType? = nil
    ) -> [SchemaElement] {
        [SchemaElement(name: name, type: type, typeLength: width, repetition: repetition, fieldID: id, logicalType: logical)]
    }

    private static func group(
        _ name: String, id: Int32? = nil, _ repetition: Repetition = .optional, _ logical: LogicalType? = nil, of children: [[SchemaElement]]
    ) -> [SchemaElement] {
        [SchemaElement(name: name, repetition: repetition, childCount: Int32(children.count), fieldID: id, logicalType: logical)] + children.flatMap { $0 }
    }

    private static func tree(_ children: [[SchemaElement]]) throws -> SchemaTree {
        try SchemaTree([SchemaElement(name: "root", childCount: Int32(children.count))] + children.flatMap { $0 })
    }

    private func sources(_ fields: [NestedField], _ children: [[SchemaElement]], mapping: NameMapping? = nil) throws -> [LeafSource] {
        let schema = try Schema(fields: fields)
        return try FileLeaves(Self.tree(children), schema.leaves, schema: schema, mapping: mapping).sources
    }

    private func levels(_ source: LeafSource) -> [UInt8]? {
        switch source {
        case .column(_, let map, _): map.levels
        case .missing(let neighbour): neighbour?.levels.levels
        case .constant(let constant): constant.levels.levels
        }
    }

    private func column(_ source: LeafSource) -> Int? { if case .column(let number, _, _) = source { number } else { nil } }

    private let list = NestedField(1, "l", .list(ListType(elementID: 2, element: .int, elementRequired: false)), required: false)

    @Test func `columns are found by id, whatever their names and places`() throws {
        let fields = [NestedField(1, "a", .int, required: false), NestedField(2, "b", .int, required: false), NestedField(3, "c", .int, required: false)]
        let found = try sources(fields, [Self.leaf("x", id: 2), Self.leaf("a", id: 9), Self.leaf("y", id: 1)])
        #expect(found.map(column) == [2, 0, nil] && found[2] == .missing(neighbour: nil))
    }

    @Test func `what was required in the file may be null in the table`() throws {
        let found = try sources([NestedField(1, "a", .int, required: false)], [Self.leaf("a", id: 1, .required)])
        #expect(levels(found[0]) == [1])
        // The other way round, a null in the file is broken.
        let other = try sources([NestedField(1, "a", .int, required: true)], [Self.leaf("a", id: 1)])
        #expect(levels(other[0]) == [LevelMap.broken, 0])
    }

    @Test func `lists of every form that writers have made`() throws {
        let standard = Self.group("l", id: 1, .optional, .list, of: [Self.group("list", .repeated, of: [Self.leaf("element", id: 2)])])
        let avro = Self.group("l", id: 1, .optional, .list, of: [Self.leaf("array", id: 2, .repeated)])
        let named = Self.group("l", id: 1, .optional, .list, of: [Self.group("bag", .repeated, of: [Self.leaf("array_element", id: 2, .required)])])
        #expect(try levels(sources([list], [standard])[0]) == [0, 1, 2, 3])
        // Elements cannot be null there.
        #expect(try levels(sources([list], [avro])[0]) == [0, 1, 3])
        #expect(try levels(sources([list], [named])[0]) == [0, 1, 3])
        let tuple = NestedField(1, "l", .list(ListType(elementID: 2, element: .structure([NestedField(3, "f", .int, required: false)]), elementRequired: false)), required: false)
        let old = Self.group("l", id: 1, .optional, .list, of: [Self.group("l_tuple", id: 2, .repeated, of: [Self.leaf("f", id: 3)])])
        #expect(try levels(sources([tuple], [old])[0]) == [0, 1, 3, 4])
    }

    @Test func `a field that was added to a struct takes its parent's levels from a neighbour`() throws {
        let inner = NestedField(
            1, "s", .structure([NestedField(2, "a", .int, required: false), NestedField(3, "b", .int, required: false)]), required: false)
        let found = try sources([inner], [Self.group("s", id: 1, of: [Self.leaf("a", id: 2)])])
        #expect(found[1] == .missing(neighbour: .init(column: 0, levels: LevelMap(levels: [0, 1, 1], maxRepetition: 0, present: nil, isIdentity: false))))
        // Within a list, entries of a neighbour that is repeated once more are left out; a field that the table has dropped will do.
        let items = NestedField(
            1, "l", .list(ListType(elementID: 2, element: .structure([NestedField(9, "new", .int, required: false)]), elementRequired: true)), required: true)
        let deep = Self.group("deep", id: 4, .optional, .list, of: [Self.group("list", .repeated, of: [Self.leaf("element", id: 5)])])
        let file = Self.group("l", id: 1, .required, .list, of: [Self.group("list", .repeated, of: [Self.group("element", id: 2, .required, of: [deep])])])
        guard case .missing(let neighbour?) = try sources([items], [file])[0] else { throw LeafMismatch(found: "no neighbour") }
        // 0: no item; 1: an item whose list is null; 2: empty; 3 and 4: with entries.
        #expect(neighbour.levels.levels == [0, 1, 1, 1, 1] && neighbour.levels.maxRepetition == 1)
    }

    @Test func `names stand for ids where the table says so`() throws {
        let map = NestedField(3, "m", .map(MapType(keyID: 4, key: .string, valueID: 5, value: .int, valueRequired: false)), required: false)
        let fields = [NestedField(6, "s", .structure([NestedField(7, "x", .int, required: false)]), required: false), list, map]
        let file = [
            Self.group("l", .optional, .list, of: [Self.group("list", .repeated, of: [Self.leaf("element")])]),
            Self.group("m", .optional, .map, of: [Self.group("key_value", .repeated, of: [Self.leaf("key", .byteArray, .required), Self.leaf("value")])]),
            Self.group("s", of: [Self.leaf("other"), Self.leaf("x")]),
        ]
        let found = try sources(fields, file, mapping: NameMapping(try Schema(fields: fields)))
        #expect(found.map(column) == [4, 0, 1, 2])
        let error = #expect(throws: IcebergError.self) { try sources(fields, file) }
        #expect(error?.code == .unsupported && error?.message == "no field ids in the file, and no name mapping in the table")
        // A file with ids is not read by name.
        let mixed = try sources([NestedField(1, "a", .int, required: false), NestedField(2, "b", .int, required: false)], [Self.leaf("a", id: 1), Self.leaf("b")], mapping: nil)
        #expect(mixed.map(column) == [0, nil])
    }

    static let fitting: [(PrimitiveType, PhysicalType, Int32?, LogicalType?, LeafConversion)] = [
        (.long, .int32, nil, nil, .same), (.long, .int32, nil, .integer(bitWidth: 16, isSigned: false), .same), (.double, .float, nil, nil, .same),
        (.timestamptz, .int64, nil, .timestamp(isAdjustedToUTC: true, unit: .micros), .same), (.timestamp, .int64, nil, .timestamp(isAdjustedToUTC: false, unit: .millis), .milliseconds),
        (.time, .int32, nil, .time(isAdjustedToUTC: false, unit: .millis), .milliseconds), (.decimal(precision: 20, scale: 2), .int32, nil, .decimal(precision: 9, scale: 2), .same),
        (.decimal(precision: 38, scale: 2), .byteArray, nil, .decimal(precision: 38, scale: 2), .same), (.uuid, .fixedLenByteArray, 16, .uuid, .same),
        (.string, .byteArray, nil, .enumeration, .same), (.date, .int32, nil, .date, .same),
    ]

    @Test(arguments: fitting.indices) func `columns of narrower types fit`(_ index: Int) throws {
        let (type, physical, width, logical, conversion) = Self.fitting[index]
        let found = try sources([NestedField(1, "a", .primitive(type), required: false)], [Self.leaf("a", physical, id: 1, width: width, logical)])
        guard case .column(0, _, let how) = found[0] else { throw LeafMismatch(found: "\(found)") }
        #expect(how == conversion)
    }

    static let mismatches: [(PrimitiveType, PhysicalType, Int32?, LogicalType?, String)] = [
        (.int, .int64, nil, nil, "a column of int64 where a int is expected"),
        (.long, .int32, nil, .integer(bitWidth: 32, isSigned: false), "a column of int32 (integer(bitWidth: 32, isSigned: false)) where a long is expected"),
        (.float, .double, nil, nil, "a column of double where a float is expected"),
        (.decimal(precision: 9, scale: 2), .int32, nil, .decimal(precision: 9, scale: 3), "a decimal(9, 3) where a decimal(9, 2) is expected"),
        (.decimal(precision: 9, scale: 2), .int64, nil, .decimal(precision: 10, scale: 2), "a decimal(10, 2) where a decimal(9, 2) is expected"),
        (.timestamptz, .int64, nil, .timestamp(isAdjustedToUTC: true, unit: .nanos), "a column of int64 (timestamp(isAdjustedToUTC: true, unit: K2Parquet.TimeUnit.nanos)) where a timestamptz is expected"),
        (.timestamptz, .int96, nil, nil, "a column of int96 where a timestamptz is expected"),
        (.uuid, .fixedLenByteArray, 15, nil, "a column of 15 bytes a value where a uuid is expected"),
    ]

    @Test(arguments: mismatches.indices) func `columns that would lose something are refused by name`(_ index: Int) throws {
        let (type, physical, width, logical, message) = Self.mismatches[index]
        let error = #expect(throws: IcebergError.self) {
            try sources([NestedField(1, "a", .primitive(type), required: false)], [Self.leaf("a", physical, id: 1, width: width, logical)])
        }
        #expect(error?.code == .unsupported && error?.message == "column a: \(message)")
    }

    @Test func `a required column that the file does not have is refused`() throws {
        let error = #expect(throws: IcebergError.self) { try sources([NestedField(1, "a", .int, required: true)], [Self.leaf("b", id: 2)]) }
        #expect(error?.message == "column a: not in the file, and may not be null")
    }
}
