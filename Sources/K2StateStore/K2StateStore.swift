// K2StateStore
