// K2SimulatorTests
