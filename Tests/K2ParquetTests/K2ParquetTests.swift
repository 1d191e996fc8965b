// K2ParquetTests
