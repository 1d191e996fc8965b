import K2Domain
import K2Iceberg

/// Folder names of partitions, as Iceberg's writers spell them: `timestamp_day=2026-02-18`.
///
/// Readers take a file's partition from the manifest; the folder is for people.
public enum PartitionPath {
    /// Empty when the spec has no fields.
    public static func text(_ partition: [Datum?], spec: PartitionSpec, schema: Schema) -> String {
        zip(spec.fields, partition).map { field, value in "\(field.name)=\(text(value, field.transform))" }
            .joined(separator: "/")
    }

    private static func text(_ value: Datum?, _ transform: Transform) -> String {
        switch value {
        case .date(let day): return date(Int64(day))
        case .int(let number) where transform == .day: return date(Int64(number))
        case .int(let number) where transform == .month:
            let year = 1970 + (number >= 0 ? number / 12 : (number - 11) / 12)
            let month = number - (year - 1970) * 12 + 1
            return "\(year)-\(month < 10 ? "0" : "")\(month)"
        case .string(let text): return escaped(text)
        case nil: return "null"
        case let value?: return escaped("\(value)")
        }
    }

    private static func date(_ day: Int64) -> String { String(Timestamp(microseconds: day * Timestamp.microsecondsPerDay).description.prefix(10)) }

    /// Letters, digits, `-`, `_` and `.` stay; other bytes become `%XX`.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
