import Foundation
import K2TestSupport
import Testing

/// Memory is bounded whatever the length of the input.
struct OffloadMemoryTests {
    /// Highest resident memory in kB of k2-offload fed by `producer`.
    private func peak(_ producer: String, _ lake: OffloadLake, _ arguments: String = "") throws -> Int {
        let result = try ToolProcess.shell(
            "\(producer) | { k2-offload run --from - \(arguments) & P=$!; M=0; while kill -0 $P 2>/dev/null; do "
                + "V=$(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$P/status 2>/dev/null); [ \"${V:-0}\" -gt $M ] && M=$V; sleep 0.02; done; "
                + "wait $P; echo $M; }", environment: lake.environment, seconds: 300)
        #expect(result.status == 0, "\(result.stderr)")
        return try #require(result.lines.last.flatMap { Int($0) }, "\(result.stderr)")
    }

    @Test func `trades, bronze rows and candles stay below 256 MB`() throws {
        let lake = try OffloadLake()
        let kilobytes = try peak("k2-sim record binance --trades 60000 | k2-normalize --bronze | k2-ohlcv --tee", lake)
        #expect(kilobytes > 1_000 && kilobytes < 256_000)
        #expect(try lake.rows("silver_trades") == 60_000)
    }

    /// Sixty lines of five megabytes: more than may wait at once.
    @Test func `long lines stay below 256 MB`() throws {
        let lake = try OffloadLake()
        let line = String(decoding: OffloadInput.trade(0).dropLast(), as: UTF8.self)
            .replacingOccurrences(of: "BINANCE-0", with: "BINANCE-'$i'").replacingOccurrences(of: "\"source_sequence\":0", with: "\"source_sequence\":'$i'")
            .replacingOccurrences(of: "\"is_valid\"", with: "\"vendor_data\":{\"x\":\"'$i$X'\"},\"is_valid\"")
        let kilobytes = try peak("X=$(head -c 5000000 /dev/zero | tr '\\\\0' y); for i in $(seq 60); do echo '\(line)'; done", lake)
        #expect(kilobytes > 1_000 && kilobytes < 256_000)
        #expect(try lake.rows("silver_trades") == 60)
    }
}
