// SHA-256's rounds with the instructions that newer x86-64 processors have for them.
#ifndef CK2_SHA256_H
#define CK2_SHA256_H
#include <stddef.h>
#include <stdint.h>

/// Whether this processor has them. If not, `ck2_sha256_blocks` must not be called.
int ck2_sha256_is_available(void);

/// Works `count` blocks of 64 bytes into the state, a to h.
void ck2_sha256_blocks(uint32_t state[8], const void *blocks, size_t count);

#endif
