import K2Domain
import K2StateStore
import Testing

@testable import K2Maintenance

struct MaintenanceLeaseTests {
    @Test func itIsNotTheLeaseThatLoadsTake() {
        #expect(MaintenanceLease.name("silver_trades") != "silver_trades")
    }

    /// A try that lost its connections leaves an intent, and the next one of the same process must not let it stand.
    @Test func `whoever takes the lease closes what is open of the table, also what is its own`() throws {
        let lake = try HistoryLake()
        for (id, table, holder) in [("dead", "t", "other:1:1"), ("own", "t", "test:1:1"), ("elsewhere", "u", "other:1:1")] {
            try lake.state.openMaintenance(
                MaintenanceIntent(id: id, table: table, kind: "compact", holder: holder, createdAt: Timestamp(microseconds: 0), files: []))
        }
        try MaintenanceLease("t", lake.stores(holder: "test:1:1")).closeDeadIntents()
        #expect(try lake.state.maintenanceIntents(table: nil).map(\.id) == ["elsewhere"])
    }
}
