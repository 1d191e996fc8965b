/// What the gap records of an output say in the end about each id: later records settle earlier ones.
struct DrillLedger {
    enum State: String { case open, filled, empty, lost }

    /// By symbol without separators, in the order of the records.
    private var records: [String: [(range: ClosedRange<UInt64>, state: State)]] = [:]
    private(set) var count = 0

    mutating func take(_ line: RecordText) {
        guard let first = line.number("\"first_missing\":"), let last = line.number("\"last_missing\":"),
            let state = State(rawValue: line.string("\"state\":"))
        else { return }
        count += 1
        records[line.string("\"symbol\":").filter { $0 != "/" && $0 != "-" }, default: []].append((first...last, state))
    }

    /// What is said of an id; nil when nothing is.
    func state(_ symbol: String, _ id: UInt64) -> State? { records[symbol]?.last { $0.range.contains(id) }?.state }

    /// All ids whose last record says `state`.
    func ids(_ state: State) -> [String: Set<UInt64>] {
        var result: [String: Set<UInt64>] = [:]
        for (symbol, entries) in records {
            var ids: Set<UInt64> = []
            for entry in entries { if entry.state == state { ids.formUnion(entry.range) } else { ids.subtract(entry.range) } }
            if !ids.isEmpty { result[symbol] = ids }
        }
        return result
    }
}
