import K2CLI

ToolMain.run(FeedCommand.self, name: "k2-feed")
