import Foundation
import K2TestSupport
import Testing

/// A tool or one of its subcommands, as `--experimental-dump-help` describes it.
struct CommandInfo: Decodable {
    struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }
        var kind: String
        var names: [Name]?
        var valueName: String?
        var abstract: String?
        var defaultValue: String?
    }
    var commandName: String
    var abstract: String?
    var discussion: String?
    var arguments: [Argument]?
    var subcommands: [CommandInfo]?
}

/// The commands of all tools, with the words that lead to them.
private struct Command {
    static let tools = ["k2-feed", "k2-normalize", "k2-ohlcv", "k2-load", "k2-offload", "k2-maintain", "k2-sim"]

    var words: [String]
    var info: CommandInfo

    static func all() throws -> [Command] {
        struct Dump: Decodable { var command: CommandInfo }
        func flat(_ info: CommandInfo, _ words: [String]) -> [Command] {
            [Command(words: words, info: info)]
                + (info.subcommands ?? []).filter { $0.commandName != "help" }.flatMap { flat($0, words + [$0.commandName]) }
        }
        return try tools.flatMap { tool in
            let result = try ToolProcess.run(tool, ["--experimental-dump-help"])
            return flat(try JSONDecoder().decode(Dump.self, from: Data(result.stdout)).command, [tool])
        }
    }

    func run(_ arguments: [String]) throws -> ToolResult {
        try ToolProcess.run(words[0], Array(words.dropFirst()) + arguments, environment: ["COLUMNS": ""])
    }
}

@Suite struct HelpTests {
    @Test func helpIsAsRecorded() throws {
        for command in try Command.all() {
            let result = try command.run(["--help"])
            #expect(result.status == 0)
            #expect(result.stderr == "")
            let path = "\(GoldenCase.root)/help/\(command.words.joined(separator: "-")).txt"
            if GoldenCase.isRecording {
                try Data(result.stdout).write(to: URL(fileURLWithPath: path))
                continue
            }
            let expected = try #require(FileManager.default.contents(atPath: path), "\(path) is missing: RECORD=1 writes it")
            if expected != Data(result.stdout) {
                Issue.record("\(command.words): help differs\n\(GoldenCase.difference(expected, Data(result.stdout)))")
            }
        }
    }

    @Test func helpSaysWhatTheToolDoesAndGivesExamples() throws {
        for command in try Command.all() {
            #expect(!(command.info.abstract ?? "").isEmpty, "\(command.words)")
            #expect(command.info.abstract?.hasSuffix(".") == true, "\(command.words)")
            // Where there are examples they come first; every tool has some.
            let discussion = command.info.discussion ?? ""
            if command.words.count == 1 || !discussion.isEmpty {
                #expect(discussion.hasPrefix("EXAMPLES"), "\(command.words)")
                #expect(discussion.contains(command.words.joined(separator: " ")), "\(command.words)")
            }
        }
    }

    @Test func versionIsTheSame() throws {
        let versions = try Command.tools.map { try ToolProcess.run($0, ["--version"]) }
        #expect(versions.allSatisfy { $0.status == 0 && $0.stderr == "" })
        #expect(Set(versions.map(\.text)).count == 1)
        #expect(versions[0].text.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+\n/) != nil)
    }

    @Test func wrongFlagsEndWithOneLineAndAHint() throws {
        for command in try Command.all() {
            let result = try command.run(["--no-such-flag"])
            #expect(result.status == 64, "\(command.words)")
            #expect(result.stdout.isEmpty)
            // What is missing is found first where something is required.
            let what = result.stderr.hasPrefix("\(command.words[0]): missing expected argument") ? "missing expected argument" : "unknown option '--no-such-flag'"
            #expect(result.stderr.hasPrefix("\(command.words[0]): \(what)"), "\(command.words)")
            #expect(result.stderr.hasSuffix("\nhint: \(command.words[0]) --help\n"), "\(command.words)")
            #expect(result.stderr.split(separator: "\n").count == 2, "\(command.words)")
        }
    }

    @Test func everyValueFlagRefusesToStandAlone() throws {
        for command in try Command.all() {
            for argument in command.info.arguments ?? [] where argument.kind == "option" {
                guard let name = argument.names?.first(where: { $0.kind == "long" })?.name else { continue }
                let result = try command.run(["--\(name)"])
                #expect(result.status == 64, "\(command.words) --\(name)")
                #expect(result.stderr.split(separator: "\n").count == 2, "\(command.words) --\(name): \(result.stderr)")
                #expect(result.stderr.contains("--\(name)"), "\(command.words) --\(name): \(result.stderr)")
                #expect(argument.valueName != name || argument.valueName == "state", "--\(name) has no placeholder of its own")
                #expect(argument.abstract?.hasSuffix(".") == true || argument.abstract?.contains("(default") == true, "--\(name)")
            }
        }
    }

    /// `--state` is a file of k2-ohlcv and a store of k2-offload; `--start` is a fixed time for a recording and now for a server;
    /// without `--symbols` a capture takes the largest, and the simulator all; `--older-than` is about snapshots, files or quarantines.
    private static let twoMeanings: Set<String> = ["state", "start", "symbols", "from", "older-than"]

    @Test func sharedFlagsAreTheSameEverywhere() throws {
        var known: [String: (words: [String], argument: CommandInfo.Argument)] = [:]
        for command in try Command.all() {
            for argument in command.info.arguments ?? [] where argument.kind != "positional" {
                for name in argument.names ?? [] where name.kind != "short" {
                    #expect(name.name.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil, "--\(name.name)")
                    guard let other = known[name.name] else {
                        known[name.name] = (command.words, argument)
                        continue
                    }
                    if Self.twoMeanings.contains(name.name) { continue }
                    // A tool may add a sentence about itself.
                    let texts = [argument.abstract ?? "", other.argument.abstract ?? ""].sorted { $0.count < $1.count }
                    #expect(texts[1].hasPrefix(texts[0]), "--\(name.name): \(command.words) and \(other.words)")
                    #expect(argument.kind == other.argument.kind, "--\(name.name)")
                    #expect(argument.valueName == other.argument.valueName, "--\(name.name): \(command.words) and \(other.words)")
                    #expect(argument.defaultValue == other.argument.defaultValue, "--\(name.name): \(command.words) and \(other.words)")
                }
            }
        }
        #expect(known.count > 20)
    }
}
