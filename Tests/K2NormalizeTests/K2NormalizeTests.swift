// K2NormalizeTests
