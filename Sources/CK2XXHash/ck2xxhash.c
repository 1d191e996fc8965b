#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ck2xxhash.h"

ck2_hash128 ck2_xxh3_128(const void *bytes, size_t count, uint64_t seed) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, count, seed);
    ck2_hash128 result = {hash.low64, hash.high64};
    return result;
}

uint64_t ck2_xxh64(const void *bytes, size_t count) { return XXH64(bytes, count, 0); }
