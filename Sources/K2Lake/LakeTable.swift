import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON
import K2Rows
import K2StateStore

/// One table of the lake during a run: its waiting rows and what it has already.
struct LakeTable {
    let schema: LakeSchema
    var buffer: RowBuffer
    var ledger: IdentityLedger
    /// Digests of candles in the buffer of which the table has an older revision.
    var revised = false
    /// Rows that the table or the batch had already.
    var duplicates = 0
    /// Of these, rows that stood twice in one batch.
    var repeated = 0
    /// Numbers of markets by the codes of exchange and symbol; for the rows in the buffer.
    var markets: [UInt64: Int] = [:]
    /// Columns that make up a row's identity.
    let identity: Identity

    enum Identity {
        /// Exchange column (−1: it is the table's), symbol column, numeric id column, trade id column.
        case trade(exchange: Int, symbol: Int, sequence: Int, tradeID: Int)
        case digest(columns: [Int], revision: Int?)
    }

    init(_ schema: LakeSchema, state: any StateStore) throws(StateStoreError) {
        self.init(schema, ledger: try IdentityLedger(table: schema.definition.coldName, state: state))
    }

    init(_ schema: LakeSchema, ledger: IdentityLedger) {
        let definition = schema.definition
        self.schema = schema
        buffer = RowBuffer(definition)
        self.ledger = ledger
        if let sequence = definition.index(of: "source_sequence") ?? definition.index(of: "sequence_number") {
            identity = .trade(
                exchange: definition.index(of: "exchange") ?? -1, symbol: definition.index(of: "symbol")!,
                sequence: sequence, tradeID: definition.index(of: "trade_id")!)
        } else {
            identity = .digest(
                columns: definition.identity.map { definition.index(of: $0)! }, revision: definition.index(of: "revision"))
        }
    }

    /// Adds the record in `document` unless the table has it already.
    mutating func add(
        _ exchange: Span<UInt8>, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        scratch: inout ByteWriter
    ) throws {
        buffer.locate(document, text)
        let identity = try rowIdentity(exchange, document, text, &scratch)
        let verdict = try ledger.judge(identity)
        if verdict == .duplicate || verdict == .repeated {
            duplicates += 1
            return
        }
        try buffer.append(document, text, scratch: &scratch)
        ledger.admit(identity, row: buffer.rowCount - 1)
        if case .replaces(let row) = verdict { buffer.kill(row) }
        if verdict == .revises { revised = true }
    }

    /// As `add`, for a canonical trade line with a numeric id. Returns false when the line has to go the general way.
    mutating func add(_ scan: TradeScan, _ text: Span<UInt8>, scratch: inout ByteWriter) throws -> Bool {
        guard scan.has(.sourceSequence), let id = RecordReader.integer(text.part(scan[.sourceSequence])), id >= 0 else {
            return false
        }
        scratch.removeAll()
        scratch.append(text.part(scan[.exchange]))
        scratch.append("|")
        scratch.append(text.part(scan[.symbol]))
        let identity = RowIdentity.sequence(market: ledger.market(scratch.bytes), id: UInt64(id))
        if try ledger.judge(identity) != .new {
            duplicates += 1
            return true
        }
        guard buffer.append(scan, text) else { return false }
        ledger.admit(identity, row: buffer.rowCount - 1)
        return true
    }

    private mutating func rowIdentity(
        _ exchange: Span<UInt8>, _ document: borrowing JSONDocument, _ text: Span<UInt8>, _ scratch: inout ByteWriter
    ) throws(RecordError) -> RowIdentity {
        scratch.removeAll()
        switch identity {
        case .trade(_, let symbol, let sequence, let tradeID):
            scratch.append(exchange)
            scratch.append("|")
            JSONString.decode(text.part(try RecordReader.string(buffer.nodes[symbol], "symbol", document, text)), into: &scratch)
            if buffer.nodes[sequence] >= 0 {
                let key = schema.definition.columns[sequence].key
                let id = try RecordReader.integer(buffer.nodes[sequence], key, document, text)
                guard id >= 0 else { throw RecordReader.refused(Int(buffer.nodes[sequence]), key, "an id", document, text) }
                return .sequence(market: ledger.market(scratch.bytes), id: UInt64(id))
            }
            scratch.append("|")
            JSONString.decode(text.part(try RecordReader.string(buffer.nodes[tradeID], "trade_id", document, text)), into: &scratch)
            return .digest(Digest.hash128(scratch.bytes), revision: 0)
        case .digest(let columns, let revision):
            for column in columns {
                try appendValue(column, document, text, to: &scratch)
                scratch.append("|")
            }
            var number: Int64 = 0
            if let revision { number = try RecordReader.integer(buffer.nodes[revision], "revision", document, text) }
            return .digest(Digest.hash128(scratch.bytes), revision: number)
        }
    }

    /// Appends the value of an identity column: the same for every spelling of it.
    private func appendValue(
        _ column: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>, to scratch: inout ByteWriter
    ) throws(RecordError) {
        let definition = schema.definition.columns[column]
        let node = buffer.nodes[column]
        switch definition.type {
        case .timestamp:
            scratch.appendLittleEndian(try RecordReader.time(node, definition.key, document, text).microseconds)
        case .int64: scratch.appendLittleEndian(try RecordReader.integer(node, definition.key, document, text))
        default: JSONString.decode(text.part(try RecordReader.string(node, definition.key, document, text)), into: &scratch)
        }
    }

    /// Forgets the rows: they are in the lake now.
    mutating func startBatch() {
        buffer.removeAll()
        ledger.startBatch()
        revised = false
        repeated = 0
        markets.removeAll(keepingCapacity: true)
    }
}
