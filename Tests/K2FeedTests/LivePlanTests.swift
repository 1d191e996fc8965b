import ArgumentParser
import Glibc
import K2CLI
import K2Domain
import K2Exchanges
import K2HTTP
import K2TestSupport
import Testing

@testable import K2Feed

@Suite struct LivePlanTests {
    private static func failure(_ arguments: [String]) throws -> ToolFailure? {
        let command = try LiveCommand.parse(["kraken"] + arguments)
        do throws(ToolFailure) { _ = try LivePlan(command) } catch { return error }
        return nil
    }

    @Test(arguments: [
        (["--symbols", "BTC/USD", "--symbols-file", "a.yaml"], "--symbols and --symbols-file: expected one of them, found both"),
        (["--endpoint", "https://example.org"], "--endpoint: expected ws://… or wss://…, found \"https://example.org\""),
        (["--endpoint", ""], "--endpoint: expected ws://… or wss://…, found \"\""),
        (["--rest-endpoint", "example.org"], "--rest-endpoint: expected http://… or https://…, found \"example.org\""),
        (["--rest-endpoint", "wss://example.org"], "--rest-endpoint: expected http://… or https://…, found \"wss://example.org\""),
        (["--rest-endpoint", "https://"], "--rest-endpoint: expected http://… or https://…, found \"https:\""),
        (["--metrics-listen", "9100"], "--metrics-listen: expected host:port, found \"9100\""),
        (["--metrics-listen", "localhost:http"], "--metrics-listen: expected host:port, found \"localhost:http\""),
        (["--spool-limit", "1000k"], "--spool-limit: expected at least 1m, found \"1000k\""),
        (["--spool-limit", "0"], "--spool-limit: expected at least 1m, found \"0\""),
    ])
    func wrongFlagsAreToldBeforeAnythingIsDone(_ arguments: [String], _ message: String) throws {
        let failure = try #require(try Self.failure(arguments))
        #expect(failure.message == message && failure.status == .usage)
    }

    @Test(arguments: [
        ["--spool-limit", "1.5g"], ["--spool-limit", "-1"], ["--silence", "10"], ["--record-format", "zip"], ["--max-age", "soon"],
    ])
    func wrongValuesAreRefusedByTheCommandLine(_ arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try LiveCommand.parse(["kraken"] + arguments) }
    }

    @Test func rightFlagsPass() throws {
        #expect(try Self.failure([]) == nil)
        #expect(try Self.failure(["--endpoint", "ws://127.0.0.1:9001/v2", "--metrics-listen", "[::1]:0", "--spool-limit", "1m", "--symbols", "BTC/USD"]) == nil)
        let plan = try LivePlan(try LiveCommand.parse(["kraken", "--rest-endpoint", "http://127.0.0.1:9001//", "--state", "/tmp/s.json"]))
        #expect(plan.restBase == "http://127.0.0.1:9001" && plan.statePath == "/tmp/s.json")
        #expect(plan.http.abort != nil)
    }

    @Test func namesComeFromTheListTheFileOrTheDefaults() throws {
        #expect(try LivePlan.names("BTC/USD, ETH/USD,,SOL/USD", nil, .kraken) == ["BTC/USD", "ETH/USD", "SOL/USD"])
        #expect(try LivePlan.names(nil, nil, .kraken).count == 11 && LivePlan.names(nil, nil, .binance).count == 12)
        #expect(try LivePlan.names(nil, nil, .coinbase).first == "BTC/USD")
        for empty in ["", ",", ",,"] {
            do throws(ToolFailure) {
                _ = try LivePlan.names(empty, nil, .kraken)
                Issue.record("\"\(empty)\" passed")
            } catch {
                #expect(error.status == .usage && error.message == "--symbols: expected symbols of kraken, found none")
            }
        }
    }

    @Test func aSpoolInUseIsATemporaryFailure() throws {
        let folder = try TestFolder()
        let plan = try LivePlan(try LiveCommand.parse(["kraken", "--spool", folder.path + "/a/spool"]))
        let diagnostics = Diagnostics(tool: "k2-feed")
        try withExtendedLifetime(plan.output(diagnostics)) {
            do throws(ToolFailure) {
                _ = try plan.output(diagnostics)
                Issue.record("opened twice")
            } catch { #expect(error.status == .temporary && error.message.hasSuffix("in use by another process")) }
        }
    }
}

@Suite struct StatePathsTests {
    @Test func foldersAreMade() throws {
        let folder = try TestFolder()
        for path in ["/a/b/c", "/a/b/c", "/a//d/", "/a/b/c/e"] {
            try StatePaths.create(folder.path + path)
            #expect(access(folder.path + path, W_OK) == 0)
        }
        try StatePaths.create("/")
        _ = try folder.file("file", [])
        do throws(ToolFailure) {
            try StatePaths.create(folder.path + "/file/below")
            Issue.record("made below a file")
        } catch { #expect(error.message == "\(folder.path)/file/below: cannot make folder: not a directory") }
    }

    @Test(arguments: [("/a/b/c", "/a/b"), ("a/b", "a"), ("a", nil), ("/a", nil), ("", nil)])
    func parents(_ path: String, _ parent: String?) { #expect(StatePaths.parent(of: path) == parent) }
}
