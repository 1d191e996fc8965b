import K2CLI
import K2Connections
import K2Domain
import K2JSON
import K2Lake
import K2Maintenance
import K2StateStore

/// What became of a verb on a table.
struct StepResult {
    var runID: String
    var verb: String
    var table: String
    var startedAt: Timestamp
    /// µs.
    var duration: Int64
    var outcome: Result<StepOutcome, LakeError>

    /// As the history has it.
    var status: String {
        switch outcome {
        case .success(let outcome): outcome.status.rawValue
        case .failure(let error):
            switch error.code {
            case .held: "held"
            case .stopped: "stopped"
            case .outcomeUnknown: "unknown"
            case .failed, .busy, .configuration, .unavailable: "failed"
            }
        }
    }

    var exitStatus: ExitStatus {
        switch outcome {
        case .success(let outcome):
            switch outcome.status {
            case .done, .nothing, .planned: .done
            case .incomplete: .failed
            case .different: .different
            case .unverified: .undecided
            }
        case .failure(let error): ExitStatus(error.code)
        }
    }

    var line: MaintenanceRun {
        var line = MaintenanceRun(
            runID: runID, table: table, verb: verb, startedAt: startedAt, endedAt: Timestamp(microseconds: startedAt.microseconds + duration),
            status: status)
        switch outcome {
        case .success(let outcome):
            line.before = outcome.before
            line.after = outcome.after
            line.snapshotID = outcome.snapshotID
            line.note = outcome.summary
        case .failure(let error): line.error = error.message
        }
        return line
    }

    /// For programs.
    var json: String {
        var object = JSONObject()
        object["verb"] = .string(verb)
        object["table"] = .string(table)
        object["status"] = .string(status)
        object["run_id"] = .string(runID)
        object["started_at"] = .string(startedAt.description)
        object["milliseconds"] = .integer(duration / 1_000)
        switch outcome {
        case .success(let outcome):
            if let size = outcome.before { object["before"] = Self.json(size) }
            if let size = outcome.after { object["after"] = Self.json(size) }
            // Snapshot ids are random 63-bit numbers: a string, so that no reader rounds them.
            if let id = outcome.snapshotID { object["snapshot_id"] = .string(String(id)) }
            for member in outcome.facts.members { object[member.key] = member.value }
            object["summary"] = .string(outcome.summary)
        case .failure(let error): object["error"] = .string(error.message)
        }
        return JSONValue.object(object).text
    }

    private static func json(_ size: TableSize) -> JSONValue {
        ["rows": .integer(size.rows), "files": .integer(size.files), "bytes": .integer(size.bytes)]
    }
}

/// What a run comes to: the worst that happened to a table decides about the exit status.
enum MaintainReport {
    /// - Throws: unless all is well.
    static func check(_ results: [StepResult]) throws(ToolFailure) {
        // The signal decides about the status of what was stopped.
        let bad = results.filter { $0.exitStatus != .done && $0.status != "stopped" }
        guard let worst = bad.map(\.exitStatus).max(by: { rank($0) < rank($1) }) else { return }
        // Each table counts by the worst of its steps.
        var tables: [(name: String, status: ExitStatus)] = []
        for result in bad {
            if let place = tables.firstIndex(where: { $0.name == result.table }) {
                if rank(tables[place].status) < rank(result.exitStatus) { tables[place].status = result.exitStatus }
            } else {
                tables.append((result.table, result.exitStatus))
            }
        }
        let groups = Dictionary(grouping: tables) { words($0.status) }.sorted { rank($0.value[0].status) > rank($1.value[0].status) }
        let text = groups.map { "\($0.key): \($0.value.map(\.name).joined(separator: ", "))" }.joined(separator: "; ")
        let hint = worst == .unknownOutcome ? "run it again: it finds out what became of the commit" : nil
        throw ToolFailure(worst, "\(tables.count) of \(Set(results.map(\.table)).count) tables: \(text)", hint: hint)
    }

    private static func words(_ status: ExitStatus) -> String {
        switch status {
        case .different: "a check found a difference"
        case .undecided: "a check could not decide"
        case .temporary: "not done for now"
        default: "not done"
        }
    }

    /// What needs a person most comes last.
    private static func rank(_ status: ExitStatus) -> Int {
        switch status {
        case .done: 0
        case .temporary: 1
        case .undecided: 2
        case .failed, .badInput, .noInput: 3
        case .unavailable: 4
        case .usage: 5
        case .different: 6
        case .unknownOutcome: 7
        }
    }
}
