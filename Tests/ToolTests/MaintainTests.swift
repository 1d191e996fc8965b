import Foundation
import K2TestSupport
import Testing

/// A lake on disk that the real k2-offload fills and the real k2-maintain looks after.
private final class MaintainedLake {
    let lake: OffloadLake
    private let changes: [String: String]

    /// - Parameters:
    ///   - loads: each makes a snapshot of each table.
    ///   - isFolder: the catalog is the folder of the warehouse.
    init(loads: Int, isFolder: Bool = false) throws {
        lake = try OffloadLake()
        changes = isFolder ? ["K2_CATALOG": "file:\(lake.path)/warehouse"] : [:]
        for number in 0..<loads {
            let rows = OffloadInput.trade(1_000 * number + 1) + OffloadInput.trade(1_000 * number + 2)
            let result = try ToolProcess.run("k2-offload", ["run", "--from", "-"], stdin: rows, environment: environment)
            try #require(result.status == 0, "\(result.stderr)")
        }
    }

    private var environment: [String: String] { lake.environment.merging(changes) { $1 } }

    func run(_ arguments: [String]) throws -> ToolResult { try ToolProcess.run("k2-maintain", arguments, environment: environment) }
    func run(_ arguments: String...) throws -> ToolResult { try run(arguments) }

    func objects(_ result: ToolResult) throws -> [[String: Any]] {
        try result.lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    }

    var table: String { "\(lake.path)/warehouse/cold/silver_trades" }

    /// A file that nothing names, so old.
    func stray(_ name: String, daysOld: Double) throws -> String {
        let path = "\(table)/\(name)"
        try FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data("stray".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -daysOld * 86_400)], ofItemAtPath: path)
        return path
    }
}

@Suite struct MaintainTests {
    @Test func `a run does all verbs to all tables, keeps its history, and status shows it`() throws {
        let lake = try MaintainedLake(loads: 6)
        let metrics = "\(lake.lake.path)/m.prom"
        let run = try lake.run("run", "--skip", "audit", "--json", "--metrics-file", metrics)
        #expect(run.status == 0, "\(run.stderr)")
        let results = try lake.objects(run)
        #expect(results.map { "\($0["table"]!) \($0["verb"]!) \($0["status"]!)" } == ["silver_trades compact done", "silver_trades expire nothing", "silver_trades orphans-plan nothing"])
        #expect(Set(results.map { $0["run_id"] as! String }).count == 1)
        let status = try lake.objects(try lake.run("status", "--json"))
        #expect(status.count == 1 && status[0]["rows"] as? Int == 12 && status[0]["files"] as? Int == 1 && status[0]["snapshots"] as? Int == 7)
        let last = try #require(status[0]["last_run"] as? [String: Any])
        #expect((last["verbs"] as? [[String: Any]])?.map { $0["verb"] as? String } == ["compact", "expire", "orphans-plan"])
        let text = try String(contentsOfFile: metrics, encoding: .utf8)
        for series in ["maintenance_table_snapshots{table=\"silver_trades\"} 7", "maintenance_runs_total{status=\"done\",table=\"silver_trades\",verb=\"compact\"} 1"] {
            #expect(text.contains(series + "\n"), "\(series)\n\(text)")
        }
        #expect(try lake.run("status").text.contains("silver_trades"))
    }

    @Test func `a catalog that is a folder is looked after like any other`() throws {
        let lake = try MaintainedLake(loads: 7, isFolder: true)
        _ = try lake.stray("data/x.parquet", daysOld: 4)
        let run = try lake.objects(try lake.run("run", "--skip", "audit", "--older-than", "0s", "--retain-last", "1", "--json"))
        #expect(run.map { $0["status"] as? String } == ["done", "done", "done"])
        #expect(run[1]["expired_snapshots"] as? Int == 7 && run[1]["deleted_data_files"] as? Int == 7 && run[2]["orphans"] as? Int == 1)
        let status = try lake.objects(try lake.run("status", "--json"))[0]
        #expect(status["rows"] as? Int == 14 && status["snapshots"] as? Int == 1 && status["files"] as? Int == 1)
        // Everything that is left is named: the data file, its manifest and list, the versions, their hint, and the stray.
        let plan = try lake.objects(try lake.run("orphans", "plan", "--older-than", "0s", "--json"))
        #expect(plan.compactMap { $0["file"] as? String }.map { ($0 as NSString).lastPathComponent } == ["x.parquet"])
    }

    @Test func `a signal ends it between two steps, and the status is the signal's`() throws {
        let lake = try MaintainedLake(loads: 3)
        let running = try ToolProcess.start("k2-maintain", ["run", "--skip", "audit", "--older-than", "0s", "--retain-last", "1"], environment: lake.lake.environment)
        running.send(signal: SIGTERM)
        let result = try running.finish()
        // It may have been faster, or have been asked before it could listen.
        #expect([0, 143].contains(result.status), "\(result.stderr)")
        #expect(try lake.run("expire", "--older-than", "0s", "--retain-last", "1").status == 0)
        #expect(try lake.objects(try lake.run("status", "--json"))[0]["rows"] as? Int == 6)
    }

    @Test func `a dry run changes nothing, neither files nor history`() throws {
        let lake = try MaintainedLake(loads: 6)
        _ = try lake.stray("data/x.parquet", daysOld: 4)
        func state() -> [String: Date?] {
            let paths = FileManager.default.enumerator(atPath: lake.table)?.compactMap { $0 as? String } ?? []
            return Dictionary(uniqueKeysWithValues: paths.map { ($0, (try? FileManager.default.attributesOfItem(atPath: "\(lake.table)/\($0)"))?[.modificationDate] as? Date) })
        }
        let before = state()
        let run = try lake.run("run", "--skip", "audit", "--older-than", "0s", "--retain-last", "1", "--dry-run", "--json")
        #expect(run.status == 0 && state() == before, "\(run.stderr)")
        let lines = try lake.objects(run)
        #expect(lines.contains { $0["file"] as? String == "file://\(lake.table)/data/x.parquet" && $0["verb"] as? String == "orphans-plan" })
        #expect(lines.contains { $0["snapshot_id"] != nil && $0["verb"] as? String == "expire" })
        #expect(try lake.objects(try lake.run("status", "--json"))[0]["last_run"] == nil)
    }

    @Test func `what changes nothing makes no state store, and what does says so`() throws {
        let lake = try MaintainedLake(loads: 6)
        _ = try lake.stray("data/x.parquet", daysOld: 4)
        let plan = "\(lake.lake.path)/plan.ndjson"
        let (none, catalog) = ("\(lake.lake.path)/none/deep/state.db", URL(fileURLWithPath: lake.lake.catalog))
        let before = try Data(contentsOf: catalog)
        for place in ["sqlite:\(none)", "sqlite:\(lake.lake.catalog)"] {
            for verb in [
                ["orphans", "plan", "-o", plan], ["orphans", "apply", plan, "--dry-run"], ["orphans", "list"], ["orphans", "purge", "--dry-run"], ["status"],
                ["compact", "--dry-run"], ["expire", "--older-than", "0s", "--dry-run"], ["run", "--skip", "audit", "--dry-run"],
            ] {
                let result = try lake.run(verb + ["--state", place])
                #expect(result.status == 0 && !result.stderr.contains("state store"), "\(verb): \(result.stderr)")
            }
            #expect(lake.lake.files("none").isEmpty)
            #expect(try Data(contentsOf: catalog) == before)
        }
        for word in ["sqlite:\(none)", "sqlite:\(lake.lake.catalog)"] {
            let lines = try (0..<2).map { _ in try lake.run("expire", "--state", word).stderr.split(separator: "\n") }
            #expect(lines[0].first == "k2-maintain: \(word): there was no state store, an empty one was made" && lines[0].count == 2 && lines[1].count == 1, "\(lines)")
        }
    }

    @Test func `orphans are planned, moved, listed, brought back and purged`() throws {
        let lake = try MaintainedLake(loads: 1)
        let old = try lake.stray("data/old.parquet", daysOld: 4)
        let young = try lake.stray("data/young.parquet", daysOld: 2)
        let plan = "\(lake.lake.path)/plan.ndjson"
        #expect(try lake.run("orphans", "plan", "-o", plan).status == 0)
        let lines = try String(contentsOfFile: plan, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 3 && lines[1].contains("\"file\":\"file://\(old)\",\"bytes\":5"))
        #expect(try lake.run("orphans", "apply", plan).status == 0)
        let manager = FileManager.default
        #expect(!manager.fileExists(atPath: old) && manager.fileExists(atPath: young))
        let id = try #require(try lake.objects(try lake.run("orphans", "list", "--json"))[0]["quarantine"] as? String)
        #expect(try lake.run("orphans", "purge").status == 0)
        #expect(try lake.run("orphans", "restore", id).status == 0 && manager.fileExists(atPath: old))
        #expect(try lake.run("orphans", "apply", plan).status == 0 && !manager.fileExists(atPath: old))
        #expect(try lake.run("orphans", "purge", "--older-than", "0s").status == 0)
        #expect(lake.lake.files("old.parquet").isEmpty && lake.lake.files("manifest.ndjson").isEmpty)
        let unknown = try lake.run("orphans", "restore", id)
        #expect(unknown.status == 64 && unknown.stderr == "k2-maintain: \(id): no table has a quarantine of this name\nhint: k2-maintain orphans list\n")
    }

    @Test func `a table that fails does not stop the others`() throws {
        let lake = try MaintainedLake(loads: 2)
        let more = try lake.lake.run(OffloadInput.stream("kraken", trades: 50, seed: 1))
        #expect(more.status == 0)
        // The manifest list of the current snapshot is lost.
        let lists = lake.lake.files(".avro").filter { $0.contains("silver_trades/metadata/snap-") }
        for list in lists { try FileManager.default.removeItem(atPath: "\(lake.lake.path)/\(list)") }
        let result = try lake.run("expire", "--older-than", "0s", "--retain-last", "1")
        #expect(result.status == 1, "\(result.stderr)")
        let lines = result.stderr.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("k2-maintain: expire: silver_trades: file://") && $0.hasSuffix("no such file or directory") })
        #expect(lines.contains { $0.hasPrefix("k2-maintain: expire: bronze_trades_kraken: ") })
        #expect(lines.last?.hasSuffix(": not done: silver_trades") == true, "\(result.stderr)")
        let failed = try lake.objects(try lake.run("expire", "--tables", "silver_trades", "--older-than", "0s", "--retain-last", "1", "--json"))
        #expect(failed[0]["status"] as? String == "failed" && (failed[0]["error"] as? String)?.contains("no such file") == true)
    }

    // MARK: Wrong usage

    @Test(arguments: [
        (["expire", "--tables", ""], "--tables: expected names of tables, found nothing"),
        (["expire", "--tables", "other.t"], "--tables: \"other.t\": expected the name of a table in the namespace cold, without a dot"),
        (["expire", "--retain-last", "0"], "--retain-last: expected 1 or more, found 0"),
        (["expire", "--older-than", "7"], "the value '7' is invalid for '--older-than <time>'"),
        (["run", "--skip", "compact,vacuum"], "--skip: \"vacuum\" is not a verb: expected some of compact, expire, orphans, audit"),
        (["run", "--skip", "compact,expire,orphans,audit"], "--skip: nothing is left to do"),
        (["expire", "--retries=-1"], "--retries: expected 0 to 1000, found -1"), (["orphans", "apply"], "missing expected argument '<plan>'"),
    ]) func `wrong usage is told in one line`(_ arguments: [String], _ message: String) throws {
        let result = try MaintainedLake(loads: 0).run(arguments)
        #expect(result.status == 64 && result.stdout.isEmpty)
        #expect(result.stderr.hasPrefix("k2-maintain: \(message)"), "\(result.stderr)")
        #expect(result.stderr.hasSuffix("\nhint: k2-maintain --help\n") && result.stderr.split(separator: "\n").count == 2, "\(result.stderr)")
    }

    @Test func `a catalog that is not there is missing, and a table that is not there wrong usage`() throws {
        let none = try MaintainedLake(loads: 0)
        let expired = try none.run("expire")
        #expect(expired.status == 66 && expired.stderr.contains(": no such catalog: ") && expired.stderr.split(separator: "\n").count == 1, "\(expired.stderr)")
        #expect(try none.run("status", "--json").status == 66)
        let lake = try MaintainedLake(loads: 1)
        let missing = try lake.run("expire", "--tables", "nothing")
        #expect(missing.status == 64 && missing.stderr == "k2-maintain: expire: nothing: no such table\nk2-maintain: 1 of 1 tables: not done: nothing\n")
        #expect(try lake.run("status", "--tables", "nothing").status == 64)
    }

    @Test(arguments: [
        ("", 0, ""), ("{", 65, "line 1: "), ("{\"kind\":\"k2-orphans\"}\n", 65, "line 1: expected a plan of kind k2-orphans, version 1"),
        ("{\"file\":\"/etc/passwd\",\"bytes\":1,\"modified\":\"2026-01-01T00:00:00Z\"}\n", 65, "line 1: expected the line that begins a plan"),
    ] as [(String, Int32, String)]) func `what is no plan is refused`(_ text: String, _ status: Int32, _ message: String) throws {
        let lake = try MaintainedLake(loads: 1)
        let path = try lake.lake.folder.file("plan.ndjson", Array(text.utf8))
        let result = try lake.run("orphans", "apply", path)
        #expect(result.status == status, "\(result.stderr)")
        if status != 0 { #expect(result.stderr.hasPrefix("k2-maintain: \(path): \(message)"), "\(result.stderr)") }
    }

    @Test func `a plan whose paths lead elsewhere touches nothing`() throws {
        let lake = try MaintainedLake(loads: 1)
        let plan = "\(lake.lake.path)/plan.ndjson"
        _ = try lake.stray("data/x", daysOld: 9)
        _ = try lake.run("orphans", "plan", "-o", plan)
        let mine = try lake.lake.folder.file("precious", Array("mine!".utf8))
        let text = try String(contentsOfFile: plan, encoding: .utf8)
        for path in [mine, "\(lake.table)/../../../precious", "\(lake.table)/metadata/../../../../precious", "\(lake.table)/_quarantine/x"] {
            try text.replacingOccurrences(of: "\(lake.table)/data/x", with: path).write(toFile: plan, atomically: true, encoding: .utf8)
            let result = try lake.run("orphans", "apply", plan)
            #expect(FileManager.default.fileExists(atPath: mine) && lake.lake.files("manifest.ndjson").isEmpty, "\(path): \(result.stderr)")
        }
    }

    @Test func `a plan that cannot be written is wrong usage, and an output nobody reads is no reason to stop`() throws {
        let lake = try MaintainedLake(loads: 1)
        let result = try lake.run("orphans", "plan", "-o", "/nowhere/plan.ndjson")
        #expect(result.status == 64 && result.stderr == "k2-maintain: /nowhere/plan.ndjson: cannot write plan: no such file or directory\n")
        let metrics = try lake.run("expire", "--metrics-file", "/nowhere/m.prom")
        #expect(metrics.status == 64 && metrics.stderr.hasPrefix("k2-maintain: /nowhere/m.prom: "), "\(metrics.stderr)")
    }
}
