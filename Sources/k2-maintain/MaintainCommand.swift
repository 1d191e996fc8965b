import ArgumentParser
import K2CLI

@main
struct MaintainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "k2-maintain",
        abstract: "Keep the lake small, fast and equal to the warm store.",
        discussion: """
            EXAMPLES
              k2-maintain run
              k2-maintain status --json

            EXIT STATUS
              0 done; 1 failed; 3 a check found a difference; 4 a check could not decide; 64 wrong usage or configuration; 66 no catalog there, or \
            none of K2's tables in it; 69 refused \
            for good by a server; 75 try again later, such as when another run has a table; 76 commit outcome unknown, nothing was deleted: run \
            again; 130, 143 stopped by a signal. Of several tables the worst counts; a table that fails does not stop the others.
            """,
        version: ToolMain.version,
        subcommands: [
            RunCommand.self, CompactCommand.self, ExpireCommand.self, OrphansCommand.self, AuditCommand.self, StatusCommand.self,
        ])

    static func main() { ToolMain.run(MaintainCommand.self, name: "k2-maintain") }
}
