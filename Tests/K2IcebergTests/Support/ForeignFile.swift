import K2Iceberg
import K2JSON
import Testing

/// A Parquet file that pyarrow wrote, described as a data file by us.
struct ForeignFile {
    let report: JSONValue
    let path: String
    let schema: Schema

    /// Writes `count` rows with ids from `start` on `day` (days since 1970-01-01).
    /// - Parameter catalog: path or URI of the catalog's database; the lake's own when nil.
    init(_ python: Python, _ lake: TestLake, catalog: String? = nil, table: Table, name: String, start: Int, count: Int, day: Int) throws {
        path = lake.folder + "/warehouse/cold/trades/data/" + name
        schema = table.metadata.currentSchema
        report = try python.run(
            Scripts.writeParquet, [catalog ?? lake.catalogPath, table.identifier.description, path, String(start), String(count), String(day)])
    }

    func counts(_ key: String) -> [Int: Int64] {
        var result: [Int: Int64] = [:]
        for member in report[key]?.objectValue?.members ?? [] { result[Int(member.key)!] = member.value.int64Value }
        return result
    }

    func hexes(_ key: String) -> [Int: [UInt8]] {
        var result: [Int: [UInt8]] = [:]
        for member in report[key]?.objectValue?.members ?? [] { result[Int(member.key)!] = hexBytes(member.value.stringValue!) }
        return result
    }

    /// The data file with bounds made by us from the extremes that Python told.
    func dataFile(day: Int32) throws -> DataFile {
        var lower: [Int: [UInt8]] = [:]
        var upper: [Int: [UInt8]] = [:]
        for member in try #require(report["minmax"]?.objectValue).members {
            let id = Int(member.key)!
            let type = try #require(schema.primitiveType(of: id))
            let ends = try #require(member.value.arrayValue)
            lower[id] = Bounds.lower(try datum(ends[0].stringValue!, type))
            upper[id] = Bounds.upper(try datum(ends[1].stringValue!, type))
        }
        return DataFile(
            path: "file://" + path, partition: [.date(day)], recordCount: report["rows"]!.int64Value!, fileSize: report["size"]!.int64Value!,
            columnSizes: counts("sizes"), valueCounts: counts("values"), nullValueCounts: counts("nulls"), lowerBounds: lower, upperBounds: upper,
            splitOffsets: report["offsets"]!.arrayValue!.map { $0.int64Value! }, sortOrderID: 1)
    }

    private func datum(_ text: String, _ type: PrimitiveType) throws -> Datum {
        switch type {
        case .boolean: .boolean(text == "True")
        case .int: .int(try #require(Int32(text)))
        case .long: .long(try #require(Int64(text)))
        case .float: .float(try #require(Float(text)))
        case .double: .double(try #require(Double(text)))
        case .date: .date(try #require(Int32(text)))
        case .time: .time(try #require(Int64(text)))
        case .timestamp, .timestamptz: .timestamp(try #require(Int64(text)))
        case .string: .string(text)
        case .uuid: .uuid(hexBytes(text))
        case .binary: .binary(hexBytes(text))
        case .fixed: .fixed(hexBytes(text))
        case .decimal: .decimal(try #require(Int128(text)))
        }
    }
}

func hexBytes(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)! }
}

func hexText(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
