// K2CLITests
