import Foundation
import Glibc
import K2TestSupport
import Testing

/// Disks that are full: what cannot be kept is told of, and the rest goes on.
@Suite struct DiskDrills {
    /// Files may not grow beyond so many KiB; `trap` lets writes fail in place of ending the process.
    private static func limit(_ size: Int) -> String { "trap '' XFSZ; ulimit -f \(size); " }

    /// The spool's files cannot grow: records wait in memory.
    @Test func `the spool cannot grow`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "kraken", rate: "10000", trades: 60_000))
            let reader = try await DrillReader(drill)
            try drill.start(output: ">pipe", prefix: Self.limit(64))
            try await drill.waitForTrades(5_000)
            reader.process.send(SIGSTOP)
            try await Task.sleep(for: .seconds(4))
            reader.process.send(SIGCONT)
            try await drill.settle()
            try await drill.stop()
            try await reader.end()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
        }
    }

    @Test func `stdout is a full disk`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "binance", rate: "4000", trades: 24_000))
            try drill.start(output: ">/dev/full")
            try await drill.waitForTrades(12_000)
            #expect(try await drill.stop() == 143, "\(drill.errors)")
            #expect(drill.errors.components(separatedBy: "no space left").count == 2, "said once: \(drill.errors.prefix(2_000))")
            try drill.start()
            try await drill.settle()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
        }
    }

    /// The file of stdout reaches its limit in the middle of a record.
    @Test func `stdout's file cannot grow`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "coinbase", rate: "4000", trades: 24_000))
            try drill.start(prefix: Self.limit(1_000))
            try await drill.waitForTrades(16_000)
            let status = try await drill.stop()
            #expect(status == 143 || status == 1, "\(drill.errors)")
            try drill.cutTornLine()
            try drill.start()
            try await drill.settle()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
        }
    }

    @Test func `the state cannot be saved`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "kraken", rate: "3000", trades: 30_000))
            try drill.start()
            try await Poll.until("a state is saved", within: 20) { access(drill.folder.path + "/state.json", F_OK) == 0 }
            // What is written aside first cannot be created: a folder stands there.
            try await Poll.until("a folder stands there", within: 10, every: 5) { mkdir(drill.folder.path + "/state.json.new", 0o755) == 0 }
            try await drill.waitForTrades(try drill.stats().trades + 6_000)
            #expect(drill.errors.contains("state.json.new"), "\(drill.errors)")
            #expect(try await drill.stop() == 1, "a state that is not saved is a failure: \(drill.errors)")
            rmdir(drill.folder.path + "/state.json.new")
            try drill.start()
            try await drill.settle()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
        }
    }

    @Test func `the recording cannot grow`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "binance", rate: "4000", trades: 24_000))
            let reader = try await DrillReader(drill)
            try drill.start(["--record", "recording"], output: ">pipe", prefix: Self.limit(200))
            try await drill.settle()
            #expect(drill.errors.contains("recording: "), "\(drill.errors)")
            try await drill.stop()
            try await reader.end()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
            // What was recorded before can be read.
            let result = try ToolProcess.shell("k2-feed replay recording/binance/*.gz | wc -l", directory: drill.folder.path)
            #expect((Int(result.text.filter(\.isNumber)) ?? 0) > 1_000, "\(result.stderr)")
        }
    }

    @Test(arguments: FaultDrills.exchanges) func `the spool is over its limit`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let rate = exchange == "binance" ? "8000" : "12000"
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, rate: rate, trades: 100_000))
            let reader = try await DrillReader(drill)
            try drill.start(["--spool-limit", "2m"], output: ">pipe")
            try await drill.waitForTrades(10_000)
            reader.process.send(SIGSTOP)
            try await drill.waitForTrades(90_000)
            reader.process.send(SIGCONT)
            try await drill.settle()
            try await drill.stop()
            try await reader.end()
            let comparison = try await drill.finish()
            #expect(comparison.lost > 1_000, "the spool was too small")
        }
    }

    /// A small disk of its own, where mounting is allowed.
    @Test(.enabled(if: SmallDisk.isAllowed, "needs the right to mount")) func `a full disk becomes free again`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "binance", rate: "5000", trades: 50_000))
            let disk = try SmallDisk(drill.folder.path + "/disk", megabytes: 2)
            let reader = try await DrillReader(drill)
            try drill.start(["--spool", "disk/spool", "--state", "disk/state.json", "--record", "disk/recording"], output: ">pipe")
            try await drill.waitForTrades(5_000)
            reader.process.send(SIGSTOP)
            try await drill.waitForTrades(30_000)
            #expect(drill.errors.contains("records wait in memory"), "\(drill.errors)")
            try disk.enlarge(megabytes: 200)
            try await Task.sleep(for: .seconds(2))
            reader.process.send(SIGCONT)
            try await drill.settle(state: "disk/state.json")
            try await drill.stop()
            try await reader.end()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
        }
    }
}

/// A tmpfs, unmounted at the end.
final class SmallDisk {
    private let path: String

    static let isAllowed: Bool = {
        guard geteuid() == 0, let folder = try? TestFolder() else { return false }
        guard mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") == 0 else { return false }
        return umount(folder.path) == 0
    }()

    init(_ path: String, megabytes: Int) throws {
        self.path = path
        mkdir(path, 0o755)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else { throw DrillError("mount: \(String(cString: strerror(errno)))") }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    func enlarge(megabytes: Int) throws {
        guard mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=\(megabytes)m") == 0 else {
            throw DrillError("remount: \(String(cString: strerror(errno)))")
        }
    }
}
