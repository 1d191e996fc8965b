import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

/// Rows of one table that wait to be stored, as columns.
public struct RowBuffer: Sendable {
    public let definition: TableDefinition
    public private(set) var columns: [ColumnBuilder]
    /// Rows appended, dead ones included.
    public private(set) var rowCount = 0
    /// Rows that are not written: refused half way, or replaced by a later revision.
    public private(set) var dead: Set<UInt32> = []

    private let layout: RecordLayout
    /// Where the last located record has each column's member; −1 where it has none.
    public private(set) var nodes: [Int32] = []

    public init(_ definition: TableDefinition) {
        self.definition = definition
        layout = RecordLayout(definition.columns.map(\.key))
        columns = definition.columns.map { ColumnBuilder($0) }
    }

    /// Rows that are columns already.
    /// - Precondition: one column for each of the definition, all of `rowCount` values.
    public init(_ definition: TableDefinition, columns: [ColumnBuilder], rowCount: Int) {
        self.init(definition)
        precondition(columns.count == definition.columns.count)
        self.columns = columns
        self.rowCount = rowCount
    }

    /// The rows that are not dead.
    public var liveRows: [UInt32] { (0..<UInt32(rowCount)).filter { !dead.contains($0) } }

    public var liveCount: Int { rowCount - dead.count }

    /// Bytes held, about.
    public var byteCount: Int { columns.reduce(0) { $0 + $1.byteCount } }

    /// Finds the members of the record in `document`.
    public mutating func locate(_ document: borrowing JSONDocument, _ text: Span<UInt8>) {
        layout.locate(in: 0, of: document, text: text, nodes: &nodes)
    }

    /// Appends the record that was located last. On error the row is dead.
    public mutating func append(
        _ document: borrowing JSONDocument, _ text: Span<UInt8>, scratch: inout ByteWriter
    ) throws(RecordError) {
        rowCount += 1
        for index in columns.indices {
            do throws(RecordError) {
                try columns[index].append(nodes[index], document, text, scratch: &scratch)
            } catch {
                for rest in index..<columns.count { columns[rest].appendNull() }
                dead.insert(UInt32(rowCount - 1))
                throw error
            }
        }
    }

    /// Appends a canonical trade line to the silver table. On false the row is dead.
    public mutating func append(_ scan: TradeScan, _ text: Span<UInt8>) -> Bool {
        rowCount += 1
        for index in columns.indices where !columns[index].append(canonical: scan.range(index), text) {
            for rest in index..<columns.count { columns[rest].appendNull() }
            dead.insert(UInt32(rowCount - 1))
            return false
        }
        return true
    }

    /// Appends `rows` rows, which `body` adds to each column. After an error the buffer is of no use any more.
    public mutating func appendBlock<E: Error>(rows: Int, _ body: (inout [ColumnBuilder]) throws(E) -> Void) throws(E) {
        try body(&columns)
        rowCount += rows
    }

    public mutating func kill(_ row: Int) { dead.insert(UInt32(row)) }

    public mutating func removeAll() {
        for index in columns.indices { columns[index].removeAll() }
        rowCount = 0
        dead.removeAll(keepingCapacity: true)
    }
}
