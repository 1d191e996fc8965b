import K2Iceberg
import K2JSON
import Testing

struct SchemaTests {
    @Test func `every type comes back from JSON`() throws {
        let schema = try Fixtures.everyTypeSchema()
        #expect(try Schema(json: JSONValue(parsing: schema.json.text)) == schema)
        #expect(schema.highestFieldID == 22 && schema.name(of: 18) == "attrs.value" && schema.name(of: 21) == "inner.x")
        #expect(schema.primitiveType(of: 4) == .decimal(precision: 38, scale: 12) && schema.primitiveType(of: 14) == nil)
    }

    @Test func `the form that other writers use, order and spaces aside, is read, and unknown members are kept`() throws {
        let text = """
            {"schema-id":3,"type":"struct","fields":[{"id":1,"name":"a","required":false,"type":"decimal(9,2)","initial-default":"0.00"}]}
            """
        let schema = try Schema(json: JSONValue(parsing: text))
        #expect(schema.fields[0].type == .decimal(9, 2) && schema.fields[0].extra["initial-default"] == "0.00" && schema.schemaID == 3)
        #expect(schema.json["fields"]?.arrayValue?[0]["initial-default"] == "0.00")
    }

    @Test(arguments: [
        ("[]", "schema: expected an object, found an array"),
        (#"{"type":"struct"}"#, "schema.fields: missing"),
        (#"{"type":"struct","fields":[{"id":1,"name":"a","required":true,"type":"varchar"}]}"#, "schema.fields[0].type: type \"varchar\" is not known in format version 2"),
        (#"{"type":"struct","fields":[{"id":1,"name":"a","required":true,"type":"decimal(39, 2)"}]}"#, "schema.fields[0].type: type \"decimal(39, 2)\" is not known in format version 2"),
        (#"{"type":"struct","fields":[{"id":"1","name":"a","required":true,"type":"int"}]}"#, "schema.fields[0].id: expected a 32-bit integer, found a string"),
        (#"{"type":"struct","fields":[{"id":1,"name":"a","required":1,"type":"int"}]}"#, "schema.fields[0].required: expected true or false, found 1"),
        (#"{"type":"struct","fields":[{"id":1,"name":"a","required":true,"type":{"type":"list","element":"int","element-required":true}}]}"#, "schema.fields[0].type.element-id: missing"),
    ])
    func `a schema that is none is refused by place`(_ text: String, _ message: String) throws {
        let json = try JSONValue(parsing: text)
        #expect(#expect(throws: IcebergError.self) { try Schema(json: json) }?.message == message)
    }

    @Test func `ids and names stand once`() {
        let twice = #expect(throws: IcebergError.self) {
            try Schema(fields: [NestedField(1, "a", .int, required: true), NestedField(1, "b", .int, required: true)])
        }
        #expect(twice?.message == "schema 0: field id 1 stands twice")
        #expect(throws: IcebergError.self) { try Schema(fields: [NestedField(1, "a", .int, required: true), NestedField(2, "a", .int, required: true)]) }
        #expect(throws: IcebergError.self) { try Schema(fields: [], identifierFieldIDs: [4]) }
    }

    @Test func `the name mapping has nested names and comes back`() throws {
        let mapping = NameMapping(try Fixtures.everyTypeSchema())
        #expect(try NameMapping(json: JSONValue(parsing: mapping.json.text)) == mapping)
        #expect(mapping.json.arrayValue?[14].text == #"{"field-id":16,"names":["attrs"],"fields":[{"field-id":17,"names":["key"]},{"field-id":18,"names":["value"]}]}"#)
    }
}
