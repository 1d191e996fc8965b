// K2AvroTests
