import K2Domain
import K2JSON
import Testing

@testable import K2Maintenance

struct OrphanPlanTests {
    private var plan: OrphanPlan {
        var plan = OrphanPlan(
            table: "t", tableUUID: "u-1", location: "s3://b/t", madeAt: Timestamp(microseconds: 1_771_380_000_000_001), olderThan: 259_200_000_000)
        plan.files = [
            OrphanPlan.File(location: "s3://b/t/data/é \"x\".parquet", size: 12, modified: Timestamp(microseconds: 1_771_000_000_000_000)),
            OrphanPlan.File(location: "s3://b/t/y", size: 0, modified: Timestamp(microseconds: -1)),
        ]
        return plan
    }

    private func text(_ plan: OrphanPlan) -> String {
        let lines = [plan.head] + plan.files.map { plan.line($0) } + [OrphanPlan.end(files: plan.files.count, bytes: 12)]
        return lines.map { JSONValue.object($0).text + "\n" }.joined()
    }

    @Test func `plans come back as they were written, one behind the other`() throws {
        var other = plan
        other.table = "u"
        other.files = []
        #expect(try OrphanPlan.read(Array((text(plan) + "\n" + text(other)).utf8)) == [plan, other])
        #expect(try OrphanPlan.read([]).isEmpty)
    }

    @Test func `lines of files may be taken out, but no plan is read in part`() throws {
        let lines = text(plan).split(separator: "\n").map(String.init)
        let fewer = [lines[0], lines[2], lines[3]].joined(separator: "\n")
        #expect(try OrphanPlan.read(Array(fewer.utf8)).first?.files == [plan.files[1]])
        for (part, reason) in [
            (Array(lines[..<3]), "the plan of t has no end: it was not written completely"), (Array(lines[1...]), "line 1: expected the line that begins a plan"),
            ([lines[0], lines[0]], "line 2: the plan of t before it has no end"), ([lines[3]], "line 1: an end without a beginning"),
            (["{\"kind\":\"x\"}"], "line 1: expected a plan of kind k2-orphans, version 1"),
            ([lines[0].replacing("\"u-1\"", with: "1")], "line 1: expected table, table_uuid, location, made_at and older_than_microseconds"),
            ([lines[0], lines[1].replacing("\"bytes\"", with: "\"size\"")], "line 2: expected file, bytes and modified"),
        ] {
            let error = #expect(throws: OrphanPlanError.self) { try OrphanPlan.read(Array(part.joined(separator: "\n").utf8)) }
            #expect(error?.description == reason)
        }
        #expect(throws: OrphanPlanError.self) { try OrphanPlan.read(Array("no json".utf8)) }
    }

    @Test func `a quarantine's name comes from the plan, and its manifest says it all`() throws {
        let id = Quarantine.id(plan)
        #expect(id == Quarantine.id(plan) && id.hasPrefix("20260218T020000-") && id.count == 24)
        var other = plan
        other.files.removeLast()
        #expect(Quarantine.id(other) != id)
        let quarantine = Quarantine(plan, id: id, at: Timestamp(microseconds: 5))
        let read = try Quarantine(reading: quarantine.text, location: "x")
        #expect(read.id == id && read.createdAt == Timestamp(microseconds: 5) && read.plan == plan)
        #expect(throws: (any Error).self) { try Quarantine(reading: Array(quarantine.text.dropLast(40)), location: "x") }
        #expect(throws: (any Error).self) { try Quarantine(reading: Array(text(plan).utf8), location: "x") }
    }
}
