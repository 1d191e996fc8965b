import K2Domain
import K2Iceberg

/// Folder names of partitions, as Iceberg's reference spells them: `timestamp_day=2026-02-18/exchange=binance`.
///
/// Names and values are escaped as in the query of a form. Readers take a file's partition from the manifest; the folder is for people.
/// Source: `PartitionSpec.partitionToPath` of apache/iceberg.
public enum PartitionPath {
    /// Empty when the spec has no fields.
    public static func text(_ partition: [Datum?], spec: PartitionSpec, schema: Schema) -> String {
        zip(spec.fields, partition).map { field, value in
            "\(escaped(field.name))=\(escaped(PartitionText.text(value, field.transform, schema.primitiveType(of: field.sourceID))))"
        }.joined(separator: "/")
    }

    /// Letters, digits, `-`, `_`, `.` and `*` stay, a space becomes `+`, other bytes `%XX`: `application/x-www-form-urlencoded`, as Java writes it.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "*"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: " "): result += "+"
            default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
