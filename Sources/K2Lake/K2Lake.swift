// K2Lake
