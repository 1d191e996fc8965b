import K2Iceberg
import K2ObjectStore
import K2Parquet
import Testing

@testable import K2Lake

struct TableFileTests {
    /// A file of one column and one row in a store.
    private func file(in store: MemoryStore) throws -> DataFile {
        let schema = try Schema(fields: [NestedField(1, "a", .int, required: false)])
        let writer = try store.openWriter("mem://f.parquet")
        var assembler = try FileAssembler(ParquetSchema(schema)) { try writer.write($0) }
        var encoder = try ChunkEncoder(WriterOptions())
        let leaf = try FileAssembler.leaves(ParquetSchema(schema))[0]
        var batch = LeafBatch(.int32, maxDefinition: 1, maxRepetition: 0)
        batch.append(nulls: 1)
        batch.seal()
        let chunk = try encoder.encode(batch, rows: [0][...], as: leaf)
        try assembler.append([chunk.description], rowCount: 1) { _ in chunk.bytes }
        let summary = try assembler.finish()
        try writer.close()
        return DataFile(summary, at: "mem://f.parquet", schema: schema, specID: 0, partition: [], sortOrderID: nil)
    }

    private func failure(_ change: (MemoryStore, inout DataFile) throws -> Void) throws -> IcebergError? {
        let store = MemoryStore()
        var file = try file(in: store)
        try change(store, &file)
        do {
            _ = try TableFile(file, in: store)
            return nil
        } catch let error as IcebergError { return error }
    }

    @Test func `a file of another size than its manifest says is told as that`() throws {
        #expect(try failure { _, _ in } == nil)
        var (size, error): (Int64, IcebergError?) = (0, nil)
        error = try failure { store, file in
            size = file.fileSize
            try store.put(Array(try store.get(file.path).dropLast(100)), to: file.path)
        }
        #expect(error?.code == .malformed && error?.message == "mem://f.parquet: the file is shorter than its manifest says: found \(size - 100) bytes, expected \(size)")
        error = try failure { _, file in file.fileSize -= 3 }
        #expect(error?.code == .malformed && error?.message == "mem://f.parquet: the file is longer than its manifest says: found \(size) bytes, expected \(size - 3)")
    }

    @Test func `a file that is not there is missing, one that is none is malformed`() throws {
        var error = try failure { store, file in try store.delete(file.path) }
        #expect(error?.code == .missingFile && error?.message == "mem://f.parquet: not in the store")
        error = try failure { store, file in try store.put([UInt8](repeating: 0, count: Int(file.fileSize)), to: file.path) }
        #expect(error?.code == .malformed && error?.message == "mem://f.parquet: parquet: file: does not end with PAR1")
    }

    @Test func `each read asks before whether to go on`() throws {
        struct Stop: Error {}
        let store = MemoryStore()
        let file = try file(in: store)
        var asked = 0
        let opened = try TableFile(file, in: store) { asked += 1 }
        let before = asked
        #expect(before > 0)
        try opened.pieces(0, rowGroup: 0) { _ in }
        #expect(asked > before)
        #expect(throws: Stop.self) { try TableFile(file, in: store) { throw Stop() } }
    }
}
