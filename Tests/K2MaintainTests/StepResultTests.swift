import K2CLI
import K2Domain
import K2JSON
import K2Lake
import K2Maintenance
import K2StateStore
import Testing

@testable import K2Maintain

struct StepResultTests {
    private func result(_ table: String, _ outcome: Result<StepOutcome, LakeError>) -> StepResult {
        StepResult(
            runID: "r", verb: "expire", table: table, startedAt: Timestamp(microseconds: 1_771_372_800_000_000), duration: 1_234_567, outcome: outcome)
    }

    private func failed(_ table: String, _ code: LakeError.Code) -> StepResult { result(table, .failure(LakeError(code, "\(table): no"))) }

    private func done(_ table: String, _ status: StepOutcome.Status = .done) -> StepResult { result(table, .success(StepOutcome(status, "ok"))) }

    private func failure(_ results: [StepResult]) -> ToolFailure? {
        do throws(ToolFailure) { try MaintainReport.check(results) } catch { return error }
        return nil
    }

    @Test func `the worst decides, and the message names the tables`() {
        #expect(failure([]) == nil && failure([done("a"), done("b", .nothing), done("c", .planned)]) == nil)
        let one = failure([done("a"), failed("b", .failed), failed("b", .busy), done("c", .different)])
        #expect(one?.status == .different && one?.message == "2 of 3 tables: a check found a difference: c; not done: b")
        #expect(failure([failed("a", .held)])?.message == "1 of 1 tables: not done for now: a")
        let order: [(StepResult, K2CLI.ExitStatus)] = [
            (failed("a", .held), .temporary), (done("a", .unverified), .undecided), (done("a", .incomplete), .failed), (failed("a", .failed), .failed), (failed("a", .unavailable), .unavailable),
            (failed("a", .configuration), .usage), (done("a", .different), .different), (failed("a", .outcomeUnknown), .unknownOutcome),
        ]
        for (place, item) in order.enumerated() { #expect(failure(order[...place].map(\.0))?.status == item.1) }
        #expect(failure([failed("a", .outcomeUnknown)])?.hint != nil)
    }

    @Test func `what a signal stopped is no failure of its own`() {
        #expect(failure([done("a"), failed("b", .stopped)]) == nil)
        #expect(failure([failed("a", .failed), failed("b", .stopped)])?.message == "1 of 2 tables: not done: a")
    }

    @Test func `history and JSON tell the same`() throws {
        var outcome = StepOutcome(.done, "3 snapshots", before: TableSize(rows: 5, files: 2, bytes: 9), after: TableSize(rows: 5, files: 1, bytes: 8))
        outcome.snapshotID = .max
        outcome.facts["snapshots"] = 3
        let line = result("a", .success(outcome)).line
        #expect(line.status == "done" && line.note == "3 snapshots" && line.before?.files == 2 && line.endedAt.microseconds == 1_771_372_801_234_567)
        let json = try JSONValue(parsing: result("a", .success(outcome)).json)
        #expect(json["snapshot_id"]?.stringValue == "9223372036854775807" && json["snapshots"]?.intValue == 3 && json["milliseconds"]?.intValue == 1_234)
        #expect(json["after"]?["bytes"]?.intValue == 8)
        let bad = failed("a", .outcomeUnknown)
        #expect(bad.line.status == "unknown" && bad.line.error == "a: no")
        #expect(try JSONValue(parsing: bad.json)["error"]?.stringValue == "a: no")
    }
}
