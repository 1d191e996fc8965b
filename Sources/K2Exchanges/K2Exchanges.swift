// K2Exchanges
