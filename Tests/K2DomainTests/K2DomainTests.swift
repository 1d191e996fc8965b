// K2DomainTests
