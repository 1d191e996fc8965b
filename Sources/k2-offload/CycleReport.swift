import K2CLI
import K2Connections
import K2Lake

/// What a cycle comes to: the worst that happened to a table decides about the exit status.
enum CycleReport {
    static func check(_ results: [String: Result<TableOutcome, LakeError>], expected: Int) throws(ToolFailure) {
        var failed: [(table: String, error: LakeError)] = []
        for (table, result) in results.sorted(by: { $0.key < $1.key }) {
            // The signal decides about the status then.
            if case .failure(let error) = result, error.code != .stopped { failed.append((table, error)) }
        }
        guard let worst = failed.map(\.error.code).max(by: { rank($0) < rank($1) }) else {
            if results.count < expected, Shutdown.signalNumber == nil { throw ToolFailure(.failed, "only \(results.count) of \(expected) tables were done") }
            return
        }
        let hint = worst == .outcomeUnknown ? "k2-offload reconcile" : nil
        throw ToolFailure(ExitStatus(worst), "\(failed.count) of \(expected) tables not done: \(failed.map(\.table).joined(separator: ", "))", hint: hint)
    }

    /// What needs a person most comes first.
    private static func rank(_ code: LakeError.Code) -> Int {
        switch code {
        case .stopped: -1
        case .held: 0
        case .busy: 1
        case .failed: 2
        case .unavailable: 3
        case .configuration: 4
        case .outcomeUnknown: 5
        }
    }
}
