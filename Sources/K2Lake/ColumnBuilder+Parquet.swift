import K2Bytes
import K2Domain
import K2Parquet
import K2Rows

extension ColumnBuilder {
    /// The values as the Parquet writer takes them.
    var column: Column {
        let validity = definition.isRequired ? nil : self.validity
        switch definition.type {
        case .string: return Column(strings.values, validity: validity)
        case .timestamp, .int64: return Column(.int64(int64s), validity: validity)
        case .decimal: return Column(.int128(int128s), validity: validity)
        case .int32: return Column(.int32(int32s), validity: validity)
        case .boolean: return Column(.bool(booleans), validity: validity)
        case .uuid: return Column(.uint128(uuids), validity: validity)
        case .stringList: return Column(.list(offsets: offsets, elements: Column(strings.values)), validity: validity)
        case .stringMap:
            return Column(
                .map(offsets: offsets, keys: Column(strings.values), values: Column(mapValues.values)), validity: validity)
        }
    }
}

extension StringBuilder {
    var values: ColumnValues { plain.map { .bytes($0) } ?? .dictionary(codes: codes, values: distinct) }
}
