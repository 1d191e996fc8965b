#ifndef MALLOC_COUNTER_H
#define MALLOC_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/// Whether allocations can be counted here: glibc, and no sanitizer that has an allocator of its own.
bool malloc_counter_works(void);

/// Starts counting the allocations of the calling thread at zero.
void malloc_counter_start(void);

/// Stops, and returns how many allocations the calling thread made since the start.
int64_t malloc_counter_stop(void);

#endif
