/* sort64.h - sorting 64-bit numbers, of which the high bits are what they are sorted by */
#ifndef EP_BASE_SORT64_H
#define EP_BASE_SORT64_H

#include <stddef.h>
#include <stdint.h>

/* Sorts keys[0..count) by their bits from shift (0..63) on; those that are equal there keep their
 * order. A radix sort, of which digits that all keys have in common cost nothing.
 *
 * scratch  room for count keys; what it holds afterwards is undefined. */
void ep_sort64(uint64_t *keys, uint64_t *scratch, size_t count, unsigned shift);

#endif
