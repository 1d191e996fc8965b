// Hashes of bytes, from the header-only form of xxHash.
#ifndef CK2XXHASH_H
#define CK2XXHASH_H
#include <stddef.h>
#include <stdint.h>

typedef struct { uint64_t low; uint64_t high; } ck2_hash128;

// XXH3, 128 bits.
ck2_hash128 ck2_xxh3_128(const void *bytes, size_t count, uint64_t seed);

// XXH64 with seed 0.
uint64_t ck2_xxh64(const void *bytes, size_t count);
#endif
