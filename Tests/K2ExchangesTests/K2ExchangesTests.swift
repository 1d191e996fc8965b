// K2ExchangesTests
