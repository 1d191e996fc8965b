// K2TestSupport
