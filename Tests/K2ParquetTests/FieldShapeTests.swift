import Testing

@testable import K2Parquet

struct FieldShapeTests {
    private static func group(_ name: String, _ repetition: Repetition, _ children: Int32, _ type: ConvertedType? = nil) -> SchemaElement {
        SchemaElement(name: name, repetition: repetition, childCount: children, convertedType: type)
    }

    private static func leaf(_ name: String, _ repetition: Repetition) -> SchemaElement {
        SchemaElement(name: name, type: .int32, repetition: repetition)
    }

    private static func shape(_ elements: SchemaElement...) throws -> FieldShape {
        try FieldShape(try SchemaTree([SchemaElement(name: "root", childCount: 1)] + elements).root.children[0])
    }

    @Test func listsOfEveryAgeAreLists() throws {
        let optional = FieldShape.list(leaf: 0, isOptional: true, elementLevel: 2)
        let required = FieldShape.list(leaf: 0, isOptional: false, elementLevel: 1)
        #expect(try Self.shape(Self.group("l", .optional, 1, .list), Self.group("list", .repeated, 1), Self.leaf("element", .optional)) == optional)
        #expect(try Self.shape(Self.group("l", .optional, 1, .list), Self.group("bag", .repeated, 1), Self.leaf("array_element", .optional)) == optional)
        #expect(try Self.shape(Self.group("l", .required, 1, .list), Self.leaf("array", .repeated)) == required)
        #expect(try Self.shape(Self.group("l", .optional, 1, .list), Self.leaf("element", .repeated)) == optional)
        #expect(try Self.shape(Self.leaf("l", .repeated)) == required)
        #expect(try Self.shape(Self.leaf("l", .optional)) == .flat(leaf: 0))
    }

    @Test func mapsOfEveryAgeAreMaps() throws {
        for type in [ConvertedType.map, .mapKeyValue] {
            for name in ["key_value", "map"] {
                let found = try Self.shape(
                    Self.group("m", .optional, 1, type), Self.group(name, .repeated, 2), Self.leaf("key", .required), Self.leaf("value", .optional))
                #expect(found == .map(key: 0, value: 1, isOptional: true, entryLevel: 2))
            }
        }
    }

    @Test func structsAndWhatHoldsThemAreNot() {
        let cases: [[SchemaElement]] = [
            [Self.group("s", .optional, 1), Self.leaf("a", .optional)],
            // By the rules for older files these are lists of structs.
            [Self.group("l", .optional, 1, .list), Self.group("array", .repeated, 1), Self.leaf("a", .optional)],
            [Self.group("l", .optional, 1, .list), Self.group("l_tuple", .repeated, 1), Self.leaf("a", .optional)],
            [Self.group("l", .optional, 1, .list), Self.group("list", .repeated, 2), Self.leaf("a", .optional), Self.leaf("b", .optional)],
            [Self.group("l", .optional, 1, .list), Self.group("list", .repeated, 1), Self.leaf("a", .repeated)],
            [Self.group("m", .optional, 1, .map), Self.group("key_value", .repeated, 1), Self.leaf("key", .required)],
            [Self.group("e", .optional, 0)],
        ]
        for elements in cases {
            #expect(throws: ParquetError(.unsupported, elements[0].name, "a group that is not a list or map of leaves")) {
                try FieldShape(try SchemaTree([SchemaElement(name: "root", childCount: 1)] + elements).root.children[0])
            }
        }
    }
}
