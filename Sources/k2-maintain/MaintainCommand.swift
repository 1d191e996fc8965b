import ArgumentParser
import K2CLI

@main
struct MaintainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "k2-maintain",
        abstract: "Keep the lake small, fast and equal to the warm store.",
        version: ToolMain.version)

    static func main() { ToolMain.run(MaintainCommand.self, name: "k2-maintain") }
}
