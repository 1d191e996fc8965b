// K2ObjectStore
