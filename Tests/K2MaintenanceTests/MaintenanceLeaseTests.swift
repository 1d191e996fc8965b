import Testing

@testable import K2Maintenance

struct MaintenanceLeaseTests {
    @Test func itIsNotTheLeaseThatLoadsTake() {
        #expect(MaintenanceLease.name("silver_trades") != "silver_trades")
    }
}
