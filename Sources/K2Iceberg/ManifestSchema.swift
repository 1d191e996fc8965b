import K2Avro
import K2JSON

/// The Avro schemas of manifests and manifest lists in format version 2, field ids and all.
enum ManifestSchema {
    private static func optional(_ name: String, _ schema: AvroSchema, _ id: Int) -> AvroField {
        AvroField(name, .optional(schema), fieldID: id, defaultValue: .null)
    }

    /// Iceberg's map with integer keys: an array of key-value records.
    private static func intMap(_ name: String, _ id: Int, key: Int, value: Int, _ type: AvroSchema) -> AvroField {
        let pair = AvroSchema.record("k\(key)_v\(value)", [AvroField("key", .int, fieldID: key), AvroField("value", type, fieldID: value)])
        return optional(name, AvroSchema(.array(pair)).with("logicalType", "map"), id)
    }

    private static func list(_ name: String, _ id: Int, element: Int, _ type: AvroSchema) -> AvroField {
        optional(name, AvroSchema(.array(type)).with("element-id", .integer(element)), id)
    }

    /// The schema of a manifest whose partition tuples are `partition`.
    static func entry(partition: AvroSchema, content: ManifestContent) -> AvroSchema {
        .record(
            "manifest_entry",
            [
                AvroField("status", .int, fieldID: 0),
                optional("snapshot_id", .long, 1),
                optional("sequence_number", .long, 3),
                optional("file_sequence_number", .long, 4),
                AvroField("data_file", dataFile(partition: partition, content: content), fieldID: 2),
            ])
    }

    private static func dataFile(partition: AvroSchema, content: ManifestContent) -> AvroSchema {
        let own = content == .deletes ? [optional("referenced_data_file", .string, 143)] : []
        return .record(
            "r2",
            [
                AvroField("content", .int, fieldID: 134),
                AvroField("file_path", .string, fieldID: 100),
                AvroField("file_format", .string, fieldID: 101),
                AvroField("partition", partition, fieldID: 102),
                AvroField("record_count", .long, fieldID: 103),
                AvroField("file_size_in_bytes", .long, fieldID: 104),
                intMap("column_sizes", 108, key: 117, value: 118, .long),
                intMap("value_counts", 109, key: 119, value: 120, .long),
                intMap("null_value_counts", 110, key: 121, value: 122, .long),
                intMap("nan_value_counts", 137, key: 138, value: 139, .long),
                intMap("lower_bounds", 125, key: 126, value: 127, .bytes),
                intMap("upper_bounds", 128, key: 129, value: 130, .bytes),
                optional("key_metadata", .bytes, 131),
                list("split_offsets", 132, element: 133, .long),
                list("equality_ids", 135, element: 136, .int),
                optional("sort_order_id", .int, 140),
            ] + own)
    }

    /// The schema of partition tuples of `spec`. A field whose type cannot be told is an error only when it is written.
    static func partition(_ spec: PartitionSpec, types: [PrimitiveType]) -> AvroSchema {
        .record(
            "r102",
            zip(spec.fields, types).map { field, type in optional(AvroNames.sanitized(field.name), avroType(type), field.fieldID) })
    }

    /// https://iceberg.apache.org/spec/#avro
    static func avroType(_ type: PrimitiveType) -> AvroSchema {
        switch type {
        case .boolean: .boolean
        case .int: .int
        case .long: .long
        case .float: .float
        case .double: .double
        case .date: AvroSchema.int.with("logicalType", "date")
        case .time: AvroSchema.long.with("logicalType", "time-micros")
        case .timestamp: AvroSchema.long.with("logicalType", "timestamp-micros").with("adjust-to-utc", false)
        case .timestamptz: AvroSchema.long.with("logicalType", "timestamp-micros").with("adjust-to-utc", true)
        case .string: .string
        case .uuid: AvroSchema(.fixed(name: "uuid_fixed", size: 16)).with("logicalType", "uuid")
        case .binary: .bytes
        case .fixed(let length): AvroSchema(.fixed(name: "fixed_\(length)", size: length))
        case .decimal(let precision, let scale):
            AvroSchema(.fixed(name: "decimal_\(precision)_\(scale)", size: decimalSize(precision)))
                .with("logicalType", "decimal").with("precision", .integer(precision)).with("scale", .integer(scale))
        }
    }

    /// Bytes that a two's complement number of `precision` digits needs.
    static func decimalSize(_ precision: Int) -> Int {
        let limit = Datum.powerOfTen(precision) - 1
        return (UInt128.bitWidth - limit.leadingZeroBitCount) / 8 + 1
    }

    static let listEntry: AvroSchema = .record(
        "manifest_file",
        [
            AvroField("manifest_path", .string, fieldID: 500),
            AvroField("manifest_length", .long, fieldID: 501),
            AvroField("partition_spec_id", .int, fieldID: 502),
            AvroField("content", .int, fieldID: 517),
            AvroField("sequence_number", .long, fieldID: 515),
            AvroField("min_sequence_number", .long, fieldID: 516),
            AvroField("added_snapshot_id", .long, fieldID: 503),
            AvroField("added_files_count", .int, fieldID: 504),
            AvroField("existing_files_count", .int, fieldID: 505),
            AvroField("deleted_files_count", .int, fieldID: 506),
            AvroField("added_rows_count", .long, fieldID: 512),
            AvroField("existing_rows_count", .long, fieldID: 513),
            AvroField("deleted_rows_count", .long, fieldID: 514),
            list("partitions", 507, element: 508, summary),
            optional("key_metadata", .bytes, 519),
        ])

    private static let summary: AvroSchema = .record(
        "r508",
        [
            AvroField("contains_null", .boolean, fieldID: 509),
            optional("contains_nan", .boolean, 518),
            optional("lower_bound", .bytes, 510),
            optional("upper_bound", .bytes, 511),
        ])
}

/// Avro allows fewer characters in names than Iceberg; the others are spelled out as Java's writer does.
enum AvroNames {
    static func sanitized(_ name: String) -> String {
        var result = ""
        for (place, scalar) in name.unicodeScalars.enumerated() {
            let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
            let isDigit = ("0"..."9").contains(scalar)
            if isLetter || (isDigit && place > 0) {
                result.unicodeScalars.append(scalar)
            } else if isDigit {
                result += "_\(scalar)"
            } else {
                result += "_x" + String(scalar.value, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
