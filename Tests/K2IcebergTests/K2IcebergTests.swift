// K2IcebergTests
