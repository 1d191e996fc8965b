import Foundation
import Glibc
import K2TestSupport

/// A tool of a drill: its output goes to files, so that nobody has to read it while it runs.
final class DrillProcess {
    let tool: RunningTool
    private var result: ToolResult?

    /// - Parameter redirections: for the shell, such as `>>raw 2>>feed.err`.
    init(_ tool: String, _ arguments: [String], _ redirections: String, environment: [String: String] = [:], directory: String, prefix: String = "") throws {
        self.tool = try ToolProcess.start(
            "/bin/bash", ["-c", "\(prefix)exec \"$0\" \"$@\" \(redirections)", tool.contains("/") ? tool : try ToolProcess.path(tool)] + arguments, environment: environment,
            directory: directory)
    }

    var pid: pid_t { tool.pid }
    /// Whether the process has not ended. Does not wait for it.
    var isRunning: Bool {
        if result != nil { return false }
        var info = siginfo_t()
        guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return false }
        return info.si_signo == 0
    }

    func send(_ signal: Int32) { tool.send(signal: signal) }

    /// The exit status, once it has ended; 128 + the signal when one ended it.
    @discardableResult
    func end(within seconds: Int) async throws -> Int32 {
        if let result { return result.status }
        let deadline = ContinuousClock.now + .seconds(seconds)
        while isRunning, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        let ended = try tool.finish(seconds: 1)
        result = ended
        return ended.status
    }
}

/// Why a drill could not go on.
struct DrillError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Waits until something holds, looking again and again.
enum Poll {
    @discardableResult
    static func until(_ what: String, within seconds: Double, every milliseconds: Int = 50, _ isTrue: () throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .milliseconds(Int(seconds * 1_000))
        while true {
            if try isTrue() { return true }
            if ContinuousClock.now > deadline { throw DrillError("not within \(seconds) s: \(what)") }
            try await Task.sleep(for: .milliseconds(milliseconds))
        }
    }
}

/// Drills mostly wait: several run side by side, but not all at once.
actor DrillSlots {
    static let shared = DrillSlots(ProcessInfo.processInfo.environment["K2_DRILL_SLOTS"].flatMap { Int($0) } ?? 8)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    private func enter() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() { if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() } }

    nonisolated func run<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        await enter()
        do {
            let value = try await body()
            await leave()
            return value
        } catch {
            await leave()
            throw error
        }
    }
}
