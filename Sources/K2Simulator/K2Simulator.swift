// K2Simulator
