// K2Compression
