import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON
import K2StateStore

/// What names the row of a record: the trade's numeric id, or a digest of the identity members.
enum RowIdentity: Equatable {
    case sequence(market: Int, id: UInt64)
    /// `revision` decides between rows of one identity; 0 where there are no revisions.
    case digest(UInt128, revision: Int64)
}

/// Tells rows that a table, or the batch in the making, has already.
///
/// Trades with numeric ids cost nothing while ids are contiguous: they are held as ranges per
/// (exchange, symbol). Other rows are looked up in the state store by a 16-byte digest.
struct IdentityLedger {
    let table: String
    /// nil: only what was remembered counts.
    private let state: (any StateStore)?
    private var markets = ByteTable()
    /// Ids of the table and of the batch, and of the batch alone, by market.
    private var known: [SequenceSet] = []
    private var batch: [SequenceSet] = []
    private var loaded: [String: [ClosedRange<UInt64>]] = [:]
    /// Rows of the batch by digest: revision, and row number in the buffer.
    private var digests: [UInt128: (revision: Int64, row: Int)] = [:]
    /// What the state store said about digests that were asked for in advance; −1: the table has no such row.
    private var stored: [UInt128: Int64] = [:]

    enum Verdict: Equatable {
        case new
        /// The table has the row.
        case duplicate
        /// The batch has the row.
        case repeated
        /// The row of this number, in the same batch, is older and gives way.
        case replaces(row: Int)
        /// The table has an older revision of this row.
        case revises
    }

    init(table: String, state: any StateStore) throws(StateStoreError) {
        self.table = table
        self.state = state
        for range in try state.loadedRanges(table: table) {
            loaded["\(range.exchange)|\(range.symbol)", default: []].append(range.first...range.last)
        }
    }

    /// A ledger that knows no rows but those that it is given.
    init(table: String) {
        self.table = table
        state = nil
    }

    /// The number of the market named `exchange|symbol`.
    mutating func market(_ name: Span<UInt8>) -> Int {
        let index = markets.insert(name)
        if index == known.count {
            known.append(SequenceSet(ranges: loaded[name.text] ?? []))
            batch.append(SequenceSet())
        }
        return index
    }

    /// What the row of this identity would be.
    func judge(_ identity: RowIdentity) throws(StateStoreError) -> Verdict {
        switch identity {
        case .sequence(let market, let id):
            if !known[market].contains(id) { return .new }
            return batch[market].contains(id) ? .repeated : .duplicate
        case .digest(let digest, let revision):
            if let held = digests[digest] { return revision > held.revision ? .replaces(row: held.row) : .repeated }
            guard let stored = try stored(digest) else { return .new }
            return revision > stored ? .revises : .duplicate
        }
    }

    private func stored(_ digest: UInt128) throws(StateStoreError) -> Int64? {
        if let known = stored[digest] { return known < 0 ? nil : known }
        return try state?.loadedValue(table: table, key: Self.bytes(digest))
    }

    /// Asks the state store for many digests at once; they must not change until `startBatch`.
    mutating func prepare(_ digests: [UInt128]) throws(StateStoreError) {
        guard let state else { return }
        let missing = digests.filter { stored[$0] == nil && self.digests[$0] == nil }
        if missing.isEmpty { return }
        let found = try state.loadedValues(table: table, keys: missing.map(Self.bytes))
        for digest in missing { stored[digest] = found[Self.bytes(digest)] ?? -1 }
    }

    /// Takes a row that is no duplicate into the batch. `row` is its number in the buffer.
    mutating func admit(_ identity: RowIdentity, row: Int) {
        switch identity {
        case .sequence(let market, let id):
            _ = known[market].insert(id)
            _ = batch[market].insert(id)
        case .digest(let digest, let revision): digests[digest] = (revision, row)
        }
    }

    var ranges: [IdentityRange] {
        var ranges: [IdentityRange] = []
        for index in batch.indices {
            let name = String(decoding: markets.key(index), as: UTF8.self)
            let parts = name.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
            for range in batch[index].ranges {
                ranges.append(
                    IdentityRange(
                        exchange: String(parts[0]), symbol: String(parts[1]), first: range.lowerBound, last: range.upperBound))
            }
        }
        return ranges
    }

    var keys: [IdentityKey] {
        digests.sorted { $0.key < $1.key }.map { IdentityKey(digest: Self.bytes($0.key), value: $0.value.revision) }
    }

    /// Bytes that the batch's digests take here and in its intent, about.
    var byteCount: Int { digests.count * 160 }

    /// Starts the next batch: what was in this one is in the table now.
    mutating func startBatch() {
        for index in batch.indices { batch[index] = SequenceSet() }
        // What the state store said may have changed; without one, this is the memory.
        if state != nil { stored.removeAll(keepingCapacity: true) } else { stored.merge(digests.mapValues(\.revision)) { max($0, $1) } }
        digests.removeAll(keepingCapacity: true)
    }

    private static func bytes(_ digest: UInt128) -> [UInt8] { withUnsafeBytes(of: digest.bigEndian) { Array($0) } }
}
