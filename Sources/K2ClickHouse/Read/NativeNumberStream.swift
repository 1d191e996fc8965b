/// Reads a result of numbers of 64 bits in ClickHouse's `Native` format, block by block.
///
/// Memory: one column of one block.
struct NativeNumberStream: ~Copyable {
    private var source: ByteSource
    /// Names and types that a block must have.
    private let columns: [(name: String, type: String)]

    init(_ stream: ClickHouseStream, columns: [(name: String, type: String)]) {
        source = ByteSource(stream)
        self.columns = columns
    }

    /// The next block that has rows: the bits of each column's numbers. nil at the end.
    /// - Throws: an error that the server put behind the rows; one of the connection; a block of another shape.
    mutating func next() throws(ClickHouseError) -> [[UInt64]]? {
        do throws(ClickHouseError) {
            while try source.need(1) {
                let count = try source.readLength(), rows = try source.readLength()
                if count == 0 && rows == 0 { continue }
                guard count == columns.count else { throw source.malformed("\(count) columns, expected \(columns.count)") }
                var block: [[UInt64]] = []
                for column in columns { block.append(try read(column, rows)) }
                if rows > 0 { return block }
            }
            return nil
        } catch {
            if error.fault == .aborted { throw error }
            throw source.exception() ?? error
        }
    }

    private mutating func read(_ column: (name: String, type: String), _ rows: Int) throws(ClickHouseError) -> [UInt64] {
        let name = try source.readText(), type = try source.readText()
        guard name == column.name, type == column.type else {
            let found = ServerException.oneLine("\(name) of \(type)"[...])
            throw source.malformed("column \(found), expected \(column.name) of \(column.type)")
        }
        guard rows <= Self.maxRows else { throw source.malformed("a block of \(rows) rows") }
        let bytes = try source.read(rows * 8)
        return bytes.withUnsafeBytes { raw in
            (0..<rows).map { UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
    }

    private static let maxRows = 1 << 26
}
