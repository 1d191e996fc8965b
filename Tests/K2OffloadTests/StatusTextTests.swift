import K2Bytes
import K2Domain
import K2Lake
import K2StateStore
import Testing

@testable import K2Offload

@Suite struct StatusTextTests {
    private let time = Timestamp(microseconds: 1_771_372_800_123_456)

    private var table: TableStatus {
        var watermark = Watermark(table: "silver_trades", position: time, rowCount: 3, status: "failed", failureCount: 2, updatedAt: time)
        watermark.lastError = "a \"bad\" day"
        let run = RunRecord(
            table: "silver_trades", batchID: "b", startedAt: time, endedAt: time, rows: 3, files: 1, bytes: 99, snapshotID: 7, status: "committed",
            windowFrom: time, windowTo: time, kind: "window")
        return TableStatus(
            table: "silver_trades", rows: 1_000, files: 4, bytes: 12_345, snapshots: 5, snapshotID: 7, committedAt: time, openIntents: 1, lastRun: run,
            watermark: watermark, lag: 930_000_000, location: "file:///lake")
    }

    @Test func aPersonSeesWatermarkLagLastRunRowsFailuresAndOpenIntents() {
        var output = ByteWriter(capacity: 256)
        StatusText.writeTable([table], to: &output)
        #expect(
            output.bytes.text == """
                table          watermark             lag  last run   ended                 rows  files  bytes  snapshots  failures  open
                silver_trades  2026-02-18T00:00:00Z  15m  committed  2026-02-18T00:00:00Z  1000      4  12345          5         2     1

                """)
    }

    @Test func aProgramSeesAllOfIt() {
        var output = ByteWriter(capacity: 256)
        StatusText.writeJSON(table, to: &output)
        let text = output.bytes.text
        for part in [
            "\"open_intents\":1", "\"watermark\":\"2026-02-18T00:00:00.123456Z\"", "\"failures\":2", "\"lag_seconds\":930", "\"last_error\":\"a \\\"bad\\\" day\"",
            "\"last_run\":{\"status\":\"committed\",\"kind\":\"window\",\"rows\":3,\"files\":1,\"bytes\":99", "\"window_to\":\"2026-02-18T00:00:00.123456Z\"",
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
    }

    @Test func progressNamesEachTable() {
        let tables = [("silver_trades", OffloadProgress(rows: 1_234_567, total: 5_000_000)), ("feed_gaps", OffloadProgress(rows: 12, total: 0))]
        #expect(CycleProgress.text(tables.map { (name: $0.0, progress: $0.1) }) == "silver_trades 1,234,567 rows, 24 %; feed_gaps 12 rows")
    }
}
