import K2CLI

ToolMain.run(SimCommand.self, name: "k2-sim")
