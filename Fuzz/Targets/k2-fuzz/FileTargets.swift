import K2Avro
import K2Iceberg
import K2JSON
import K2Parquet

/// Files of tables that others wrote: read whole or refused, in bounded memory.
let fuzzParquet: @Sendable ([UInt8]) -> Void = { bytes in _ = try? ParquetReader.readEverything(bytes) }

let fuzzAvro: @Sendable ([UInt8]) -> Void = { bytes in
    _ = try? AvroFile(reading: bytes)
    _ = try? ManifestList.read(bytes, location: "list.avro")
    let spec = PartitionSpec(fields: [])
    _ = try? Manifest(reading: bytes, location: "manifest.avro", spec: spec, types: [])
}

/// What is read prints a document that reads as the same.
let fuzzTableMetadata: @Sendable ([UInt8]) -> Void = { bytes in
    guard let metadata = try? TableMetadata(reading: bytes, location: "metadata.json") else { return }
    let text = metadata.json.bytes
    guard let again = try? TableMetadata(reading: text, location: "metadata.json") else { return require(false, "our own text is refused") }
    require(again.json.bytes == text, "our own text reads as something else")
}
