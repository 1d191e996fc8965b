// K2ObjectStoreTests
