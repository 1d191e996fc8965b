// K2JSONTests
