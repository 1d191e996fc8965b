// K2BytesTests
