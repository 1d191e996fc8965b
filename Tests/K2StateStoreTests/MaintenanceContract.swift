import K2Domain
import K2StateStore
import K2TestSupport
import Testing

/// What every state store must do for maintenance.
struct MaintenanceContract {
    private func time(_ microseconds: Int64) -> Timestamp { Timestamp(microseconds: microseconds) }

    private func intent(_ id: String, _ table: String, at created: Int64, _ files: [String] = []) -> MaintenanceIntent {
        MaintenanceIntent(id: id, table: table, kind: "compact", holder: "host:1:2", createdAt: time(created), files: files)
    }

    private func run(_ id: String, _ table: String, _ verb: String, _ status: String = "done") -> MaintenanceRun {
        MaintenanceRun(runID: id, table: table, verb: verb, startedAt: time(1_771_372_800_023_596), endedAt: time(1_771_372_800_023_597), status: status)
    }

    @Test(arguments: SQLKind.available) func `an intent of maintenance is kept until it is closed`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let (store, other) = try (place.open(), place.open())
            let second = intent("b", "silver", at: 7, ["file:///a \"b\".parquet", "é"])
            try store.openMaintenance(second)
            try store.openMaintenance(intent("c", "gold", at: 9))
            try store.openMaintenance(intent("a", "silver", at: 8))
            #expect(try other.maintenanceIntents(table: "silver") == [second, intent("a", "silver", at: 8)], "oldest first")
            #expect(try other.maintenanceIntents(table: nil).map(\.id) == ["b", "a", "c"])
            let twice = #expect(throws: StateStoreError.self) { try other.openMaintenance(intent("b", "silver", at: 1)) }
            #expect(twice?.code == .intentExists && twice?.message == "maintenance b: intent is open already")
            #expect(try other.openIntents(table: nil).isEmpty, "they are not those of offload")
            #expect(try other.closeMaintenance(id: "b") && !store.closeMaintenance(id: "b"))
            #expect(try store.maintenanceIntents(table: "silver").map(\.id) == ["a"])
            try store.openMaintenance(second)
        }
    }

    @Test(arguments: SQLKind.available) func `files join an intent that is open`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let store = try place.open()
            try store.openMaintenance(intent("a", "t", at: 1, ["x"]))
            try store.addMaintenanceFiles(["y", "x", "z"], id: "a")
            try store.addMaintenanceFiles([], id: "a")
            #expect(try store.maintenanceIntents(table: nil).map(\.files) == [["x", "y", "z"]])
            try store.closeMaintenance(id: "a")
            let gone = #expect(throws: StateStoreError.self) { try store.addMaintenanceFiles(["w"], id: "a") }
            #expect(gone?.code == .noSuchIntent && gone?.message == "maintenance a: no open intent")
        }
    }

    @Test(arguments: SQLKind.available) func `lines of maintenance come back as they were written, newest first`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let (store, other) = try (place.open(), place.open())
            var full = run("r1", "silver", "compact")
            full.before = TableSize(rows: .max, files: 2, bytes: 3)
            full.after = TableSize(rows: 4, files: 0, bytes: 0)
            full.snapshotID = .min
            full.note = "200 files into 2"
            full.error = "no 'space'\nleft"
            try store.recordMaintenance(full)
            try store.recordMaintenance(run("r1", "silver", "expire", "failed"))
            try store.recordMaintenance(run("r1", "gold", "compact"))
            #expect(try other.maintenanceRuns(table: nil, verb: nil, limit: 9) == [run("r1", "gold", "compact"), run("r1", "silver", "expire", "failed"), full])
            #expect(try other.maintenanceRuns(table: "silver", verb: nil, limit: 1).map(\.verb) == ["expire"])
            #expect(try other.maintenanceRuns(table: nil, verb: "compact", limit: 9).map(\.table) == ["gold", "silver"])
            #expect(try other.maintenanceRuns(table: "silver", verb: "compact", limit: 9) == [full])
            #expect(try other.maintenanceRuns(table: "x", verb: nil, limit: 9).isEmpty && other.maintenanceRuns(table: nil, verb: nil, limit: 0).isEmpty)
        }
    }

    @Test(arguments: SQLKind.available) func `a line that is written again replaces itself`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let store = try place.open()
            for status in ["failed", "done"] {
                try store.recordMaintenance(run("r1", "t", "expire", status))
                try store.recordMaintenance(run("r2", "t", "expire", status))
            }
            #expect(try store.maintenanceRuns(table: nil, verb: nil, limit: 9) == [run("r2", "t", "expire"), run("r1", "t", "expire")])
        }
    }

    @Test(arguments: SQLKind.available) func `the audit log keeps what was found, and what could not be`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let (store, other) = try (place.open(), place.open())
            func record(_ table: String, warm: Int64?, cold: Int64?) -> AuditRecord {
                AuditRecord(
                    runAt: time(9), table: table, source: "silver_trades", layer: "silver", windowHours: 24, windowStart: time(-1),
                    windowEnd: time(86_400_000_000), warmRows: warm, coldRows: cold, warmHash: warm.map { _ in "00ff" }, coldHash: nil, status: "ok",
                    result: "different", notes: "hour 3\u{0}", runID: nil)
            }
            let whole = record("silver", warm: 1_000, cold: 999)
            try store.recordAudit(whole)
            try store.recordAudit(record("gold", warm: nil, cold: 5))
            var expected = [record("gold", warm: nil, cold: 5), whole]
            for index in expected.indices { expected[index].notes = "hour 3\u{fffd}" }
            #expect(try other.audits(table: nil, limit: 9) == expected)
            #expect(try other.audits(table: "silver", limit: 9) == [expected[1]] && other.audits(table: nil, limit: 1) == [expected[0]])
            #expect(whole.delta == -1 && whole.deltaPercent == -0.1)
            #expect(expected[0].delta == nil && expected[0].deltaPercent == nil && record("t", warm: 0, cold: 3).deltaPercent == nil)
        }
    }
}
