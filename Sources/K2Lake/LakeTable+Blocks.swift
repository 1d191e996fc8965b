import K2Bytes
import K2Domain
import K2Rows
import K2StateStore

extension LakeTable {
    /// Rows that came as columns are judged: those that the table or the batch has already are killed, the others belong to the batch.
    /// - Parameter buffer: this table's buffer, which the caller has taken out for the time of reading.
    mutating func judge(_ rows: Range<Int>, of buffer: inout RowBuffer) throws(StateStoreError) {
        let identities = self.identities(of: rows, in: buffer)
        try ledger.prepare(identities.compactMap { if case .digest(let digest, _) = $0 { digest } else { nil } })
        for (row, identity) in zip(rows, identities) {
            switch try ledger.judge(identity) {
            case .new: ledger.admit(identity, row: row)
            case .duplicate: drop(row, of: &buffer)
            case .repeated:
                repeated += 1
                drop(row, of: &buffer)
            case .replaces(let older):
                buffer.kill(older)
                ledger.admit(identity, row: row)
            case .revises:
                revised = true
                ledger.admit(identity, row: row)
            }
        }
    }

    private mutating func drop(_ row: Int, of buffer: inout RowBuffer) {
        duplicates += 1
        buffer.kill(row)
    }

    /// How many of the rows neither the table nor the batch has.
    mutating func countUnknown(_ rows: Range<Int>, of buffer: RowBuffer) throws(StateStoreError) -> Int {
        let identities = self.identities(of: rows, in: buffer)
        try ledger.prepare(identities.compactMap { if case .digest(let digest, _) = $0 { digest } else { nil } })
        var count = 0
        for identity in identities {
            switch try ledger.judge(identity) {
            case .new, .replaces, .revises: count += 1
            case .duplicate, .repeated: break
            }
        }
        return count
    }

    /// The columns that a row's identity and revision are made of.
    var identityColumns: [Int] {
        switch identity {
        case .trade(let exchange, let symbol, let sequence, let tradeID): [exchange, symbol, sequence, tradeID].filter { $0 >= 0 }.sorted()
        case .digest(let columns, let revision): (columns + [revision].compactMap { $0 }).sorted()
        }
    }

    // MARK: Identities of columns

    mutating func identities(of rows: Range<Int>, in buffer: RowBuffer) -> [RowIdentity] {
        switch identity {
        case .trade(let exchange, let symbol, let sequence, let tradeID):
            let exchanges = exchange < 0 ? nil : buffer.columns[exchange].strings
            return tradeIdentities(
                rows, exchanges, buffer.columns[symbol].strings, buffer.columns[sequence], buffer.columns[tradeID].strings)
        case .digest(let columns, let revision): return rows.map { digestIdentity($0, columns, revision, buffer) }
        }
    }

    private mutating func tradeIdentities(
        _ rows: Range<Int>, _ exchanges: StringBuilder?, _ symbols: StringBuilder, _ sequences: ColumnBuilder, _ ids: StringBuilder
    ) -> [RowIdentity] {
        let numbers = sequences.int64s, validity = sequences.validity
        var result: [RowIdentity] = []
        result.reserveCapacity(rows.count)
        for row in rows {
            if validity.isEmpty || validity[row], numbers[row] >= 0 {
                result.append(.sequence(market: market(row, exchanges, symbols), id: UInt64(numbers[row])))
            } else {
                var text = marketName(row, exchanges, symbols)
                text.append("|")
                text.append(ids.value(row))
                result.append(.digest(Digest.hash128(text.bytes), revision: 0))
            }
        }
        return result
    }

    private mutating func market(_ row: Int, _ exchanges: StringBuilder?, _ symbols: StringBuilder) -> Int {
        guard let symbol = symbols.code(row), let exchange = exchanges == nil ? 0 : exchanges?.code(row) else {
            return ledger.market(marketName(row, exchanges, symbols).bytes)
        }
        let codes = UInt64(exchange) << 32 | UInt64(symbol)
        if let known = markets[codes] { return known }
        let number = ledger.market(marketName(row, exchanges, symbols).bytes)
        markets[codes] = number
        return number
    }

    /// `exchange|symbol`, the exchange being that of the table where it has no column for it.
    private func marketName(_ row: Int, _ exchanges: StringBuilder?, _ symbols: StringBuilder) -> ByteWriter {
        var text = ByteWriter(capacity: 64)
        if let exchanges { text.append(exchanges.value(row)) } else { text.append(string: tableExchange) }
        text.append("|")
        text.append(symbols.value(row))
        return text
    }

    /// The exchange of a table that holds the rows of one.
    private var tableExchange: String {
        Exchange.allCases.first { schema.definition.coldName.hasSuffix("_\($0.rawValue)") }?.rawValue ?? ""
    }

    private func digestIdentity(_ row: Int, _ columns: [Int], _ revision: Int?, _ buffer: RowBuffer) -> RowIdentity {
        .digest(buffer.digest(of: row, columns: columns), revision: revision.map { Int64(buffer.columns[$0].int32s[row]) } ?? 0)
    }
}
