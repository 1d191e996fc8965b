import ArgumentParser
import Glibc
import K2NDJSON

/// The only place that ends a process: parses the command line, runs the command, and turns what
/// came of it into one line on stderr and an exit status.
public enum ToolMain {
    public static let version = "0.1.0"

    /// Runs `command` as the tool `name`. `ToolFailure` and `StreamError` thrown by the command keep
    /// our message form; a reader that left is success.
    public static func run<Command: ParsableCommand>(_ command: Command.Type, name: String) -> Never {
        Shutdown.install()
        let diagnostics = Diagnostics(tool: name)
        do {
            var parsed = try command.parseAsRoot()
            try parsed.run()
        } catch let failure as ToolFailure {
            diagnostics.report(failure.message)
            if let hint = failure.hint { diagnostics.hint(hint) }
            exit(failure.status.rawValue)
        } catch let error as StreamError {
            if error.code == .readerGone { exit(ExitStatus.done.rawValue) }
            diagnostics.report(error.description)
            exit(ExitStatus.failed.rawValue)
        } catch {
            exit(report(error, of: command, to: diagnostics))
        }
        if let number = Shutdown.signalNumber { exit(128 + number) }
        exit(ExitStatus.done.rawValue)
    }

    /// Errors of the command line itself, and requests for help or the version.
    private static func report<Command: ParsableCommand>(
        _ error: any Error, of command: Command.Type, to diagnostics: Diagnostics
    ) -> Int32 {
        let code = command.exitCode(for: error)
        if code == .success {
            print(command.fullMessage(for: error))
            return ExitStatus.done.rawValue
        }
        let text = command.message(for: error)
        diagnostics.report(text.prefix(1).lowercased() + text.dropFirst())
        if code == .validationFailure {
            diagnostics.hint("\(diagnostics.tool) --help")
            return ExitStatus.usage.rawValue
        }
        return ExitStatus.failed.rawValue
    }
}
