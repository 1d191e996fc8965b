import K2Avro
import K2JSON
import Testing

struct AvroSchemaTests {
    private func parse(_ text: String) throws -> AvroSchema { try AvroSchema(parsing: Array(text.utf8)) }

    @Test func `named types stand for themselves where they are used again`() throws {
        let schema = try parse(
            """
            {"type":"record","name":"r","namespace":"a.b","fields":[
              {"name":"x","type":{"type":"fixed","name":"f","size":3}},{"name":"y","type":["null","a.b.f"]},{"name":"z","type":"f","field-id":9}]}
            """)
        guard case .record(_, let fields) = schema.kind else { throw AvroError(.badSchema, "no record") }
        #expect(fields[2].schema == fields[0].schema && fields[1].schema == .optional(fields[0].schema) && fields[2].fieldID == 9)
    }

    @Test func `extra attributes are kept`() throws {
        let text = #"{"type":"array","items":{"type":"long","logicalType":"timestamp-micros","adjust-to-utc":true},"logicalType":"map","element-id":508}"#
        #expect(try parse(text).json == JSONValue(parsing: text))
    }

    @Test(arguments: [
        ("{", "schema: expected a key, found the end"), ("\"x\"", "schema: unknown type \"x\""), ("[]", "schema: union of nothing"),
        ("7", "schema: expected a type, found a number"), ("{\"type\":\"record\",\"name\":\"r\"}", "schema: fields of record \"r\" missing"),
        ("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[]}", "schema: enum types are not read"),
        ("{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "schema: size of fixed \"f\" missing"),
        // A record inside itself has no end here.
        ("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\",\"type\":\"r\"}]}", "schema: unknown type \"r\""),
    ])
    func `what is no schema is refused`(_ text: String, _ reason: String) {
        let error = #expect(throws: AvroError.self) { try parse(text) }
        #expect(error?.reason == reason)
    }

    @Test func `references cannot multiply a short text without end`() throws {
        var fields = "{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":\"r0\",\"fields\":[]}}"
        for level in 1...40 {
            let inner = "{\"name\":\"x\",\"type\":\"r\(level - 1)\"},{\"name\":\"y\",\"type\":\"r\(level - 1)\"}"
            fields += ",{\"name\":\"a\(level)\",\"type\":{\"type\":\"record\",\"name\":\"r\(level)\",\"fields\":[\(inner)]}}"
        }
        let schema = try parse("{\"type\":\"record\",\"name\":\"top\",\"fields\":[\(fields)]}")
        let error = #expect(throws: AvroError.self) { try decoded([0, 0, 0], schema) }
        #expect(error?.reason == "more values than the bytes can hold")
    }
}
