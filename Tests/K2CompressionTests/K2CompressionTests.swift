// K2CompressionTests
