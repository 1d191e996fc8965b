// K2StateStoreTests
