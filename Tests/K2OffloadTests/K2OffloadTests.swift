// K2OffloadTests
