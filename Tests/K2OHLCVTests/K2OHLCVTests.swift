// K2OHLCVTests
