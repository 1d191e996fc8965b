import K2Avro
import K2JSON

/// A manifest that was read: its entries as they stand in the file, and what its header says.
public struct Manifest: Sendable {
    public var entries: [ManifestEntry]
    public var content: ManifestContent
    public var specID: Int?
    /// The schema in the header; nil when the header has none that can be read.
    public var schema: Schema?

    /// Reads a manifest of format version 1 or 2, whoever wrote it.
    ///
    /// - Parameters:
    ///   - spec: the partition spec its manifest list names.
    ///   - types: the result types of the spec's fields, where they are known.
    public init(reading bytes: [UInt8], location: String, spec: PartitionSpec, types: [PrimitiveType?]) throws(IcebergError) {
        let file: AvroFile
        do throws(AvroError) { file = try AvroFile(reading: bytes) } catch { throw IcebergError(error, reading: location) }
        do throws(IcebergError) { try self.init(file, spec: spec, types: types) } catch { throw error.at(location) }
    }

    private init(_ file: AvroFile, spec: PartitionSpec, types: [PrimitiveType?]) throws(IcebergError) {
        switch file.text("content") {
        case nil, "data": content = .data
        case "deletes": content = .deletes
        case let other?: throw IcebergError(.malformed, "manifest: content: expected data or deletes, found \"\(other)\"")
        }
        specID = file.text("partition-spec-id").flatMap { Int($0) }
        schema = file.text("schema").flatMap { text in
            guard let json = try? JSONValue(parsing: text) else { return nil }
            return try? Schema(json: json)
        }
        let reader = try ManifestEntryReader(file.schema, spec: spec, types: types)
        entries = []
        entries.reserveCapacity(file.values.count)
        for value in file.values { entries.append(try reader.entry(value)) }
    }
}

extension ManifestFile {
    /// A manifest that a snapshot of format version 1 names itself: what a list would say of it, as far as its header tells.
    init(named path: String, by snapshot: Snapshot, _ bytes: [UInt8]) throws(IcebergError) {
        let file: AvroFile
        do throws(AvroError) { file = try AvroFile(reading: bytes) } catch { throw IcebergError(error, reading: path) }
        self.init(
            path: path, length: Int64(bytes.count), specID: file.text("partition-spec-id").flatMap { Int($0) } ?? 0, content: .data, sequenceNumber: 0,
            minSequenceNumber: 0, addedSnapshotID: snapshot.snapshotID, addedFiles: nil, existingFiles: nil, deletedFiles: nil, addedRows: nil,
            existingRows: nil, deletedRows: nil)
    }
}

/// Turns Avro records into manifest entries by field id.
private struct ManifestEntryReader {
    let entry: AvroRecord.Layout
    let file: AvroRecord.Layout
    let partition: AvroRecord.Layout
    let spec: PartitionSpec
    let types: [PrimitiveType?]

    init(_ schema: AvroSchema, spec: PartitionSpec, types: [PrimitiveType?]) throws(IcebergError) {
        entry = try AvroRecord.Layout(schema, "manifest entry")
        file = try entry.nested(2, "data file")
        partition = try file.nested(102, "partition")
        self.spec = spec
        self.types = types
    }

    func entry(_ value: AvroValue) throws(IcebergError) -> ManifestEntry {
        let record = try AvroRecord(value, entry, "manifest entry")
        guard let status = ManifestEntry.Status(rawValue: try record.int(0)) else {
            throw IcebergError(.malformed, "manifest entry: unknown status \(try record.int(0))")
        }
        guard let inner = record.optional(2) else { throw IcebergError(.malformed, "manifest entry: no data file") }
        return ManifestEntry(
            status: status, snapshotID: try record.optionalLong(1), sequenceNumber: try record.optionalLong(3),
            fileSequenceNumber: try record.optionalLong(4), file: try dataFile(inner))
    }

    private func dataFile(_ value: AvroValue) throws(IcebergError) -> DataFile {
        let record = try AvroRecord(value, file, "data file")
        guard let content = DataFile.Content(rawValue: try record.optionalInt(134) ?? 0) else {
            throw IcebergError(.malformed, "data file: unknown content \(try record.int(134))")
        }
        return DataFile(
            content: content, path: try record.string(100), format: try record.string(101).uppercased(), specID: spec.specID,
            partition: try tuple(record), recordCount: try record.count(103), fileSize: try record.count(104),
            columnSizes: try record.map(108, \.longValue), valueCounts: try record.map(109, \.longValue),
            nullValueCounts: try record.map(110, \.longValue), nanValueCounts: try record.map(137, \.longValue),
            lowerBounds: try record.map(125, \.bytesValue), upperBounds: try record.map(128, \.bytesValue),
            keyMetadata: try record.optionalBytes(131), splitOffsets: try record.longs(132), equalityIDs: try record.longs(135).map { Int($0) },
            sortOrderID: try record.optionalInt(140), referencedDataFile: try record.optionalString(143))
    }

    private func tuple(_ record: AvroRecord) throws(IcebergError) -> [Datum?] {
        if spec.fields.isEmpty { return [] }
        guard let value = record.optional(102) else { throw IcebergError(.malformed, "data file: no partition") }
        let values = try AvroRecord(value, partition, "partition")
        var tuple: [Datum?] = []
        for (place, field) in spec.fields.enumerated() {
            guard let value = values.optional(field.fieldID), let schema = partition.schemas[field.fieldID]?.unwrapped else {
                tuple.append(nil)
                continue
            }
            let type = place < types.count ? types[place] : nil
            guard let datum = Datum(avro: value, schema: schema, type: type) else {
                throw IcebergError(.malformed, "partition: field \(field.fieldID): value does not fit \(type.map { "\($0)" } ?? "its type")")
            }
            tuple.append(datum)
        }
        return tuple
    }
}

extension Datum {
    /// A partition value; the type is that of the spec's field or, where it is not known, what the Avro schema says.
    init?(avro value: AvroValue, schema: AvroSchema, type: PrimitiveType?) {
        let logical = schema.attributes["logicalType"]?.stringValue
        switch value {
        case .boolean(let flag): self = .boolean(flag)
        // As integers do, a value from before the column was widened takes its present type: it names the same partition.
        case .float(let number): self = type == .double ? .double(Double(number)) : .float(number)
        case .double(let number): self = .double(number)
        case .string(let text): self = .string(text)
        case .long(let number):
            switch type ?? Self.integerType(schema, logical) {
            case .int: self = .int(Int32(truncatingIfNeeded: number))
            case .date: self = .date(Int32(truncatingIfNeeded: number))
            case .long: self = .long(number)
            case .time: self = .time(number)
            case .timestamp, .timestamptz: self = .timestamp(number)
            default: return nil
            }
        case .bytes(let bytes):
            switch type {
            case .decimal?: guard let number = Self.bigEndian(bytes) else { return nil }; self = .decimal(number)
            case .uuid?: guard bytes.count == 16 else { return nil }; self = .uuid(bytes)
            case .fixed?: self = .fixed(bytes)
            case .binary?: self = .binary(bytes)
            case nil where logical == "decimal": guard let number = Self.bigEndian(bytes) else { return nil }; self = .decimal(number)
            case nil where logical == "uuid" && bytes.count == 16: self = .uuid(bytes)
            case nil: if case .fixed = schema.kind { self = .fixed(bytes) } else { self = .binary(bytes) }
            default: return nil
            }
        default: return nil
        }
    }

    private static func integerType(_ schema: AvroSchema, _ logical: String?) -> PrimitiveType {
        switch logical {
        case "date": .date
        case "time-micros": .time
        case "timestamp-micros": .timestamp
        default: schema.kind == .int ? .int : .long
        }
    }

    /// The Avro form of a partition value; nil when it is no value of `type`.
    func avro(_ type: PrimitiveType) -> AvroValue? {
        guard fits(type) else { return nil }
        switch self {
        case .boolean(let value): return .boolean(value)
        case .int(let value), .date(let value): return .long(Int64(value))
        case .long(let value), .time(let value), .timestamp(let value): return .long(value)
        case .float(let value): return .float(value)
        case .double(let value): return .double(value)
        case .string(let value): return .string(value)
        case .uuid(let bytes), .fixed(let bytes), .binary(let bytes): return .bytes(bytes)
        case .decimal(let value):
            guard case .decimal(let precision, _) = type else { return nil }
            let minimal = Self.minimalBigEndian(value)
            let sign: UInt8 = value < 0 ? 0xff : 0
            return .bytes([UInt8](repeating: sign, count: ManifestSchema.decimalSize(precision) - minimal.count) + minimal)
        }
    }
}
