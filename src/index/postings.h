/* postings.h - ascending numbers below a limit in about two bits more than their entropy
 *
 * The Elias-Fano form: of each of n numbers the low bits, as they are, side by side; then the high
 * parts, as n ones in a row of bits, where one stands behind as many zeros as its high part says.
 * Before them, a table divides the range of the numbers into parts, and says how many numbers are
 * below each part. So the numbers from a given one on are found and counted without reading those
 * before it.
 *
 *     limit               unit << bits
 *     parts               2^p; p = floor(log2(n / EP_POSTINGS_PART)), at most bits; p = 0 where n
 *                         is below EP_POSTINGS_PART
 *     low bits a number   l = floor(log2(limit / n)), at most EP_POSTINGS_LOW_MAX
 *
 *     table               for each part but the first, how many numbers are below it, in as many
 *                         bits as n has; the lowest bit first; filled up to a byte
 *     lows                n * l bits, the first number's lowest bit first; filled up to a byte
 *     highs               n + (limit >> l) + 1 bits; filled up to a byte
 *
 * P. Elias, "Efficient storage and retrieval by content and address of static files" (1974);
 * S. Vigna, "Quasi-succinct indices" (2013).
 */
#ifndef EP_INDEX_POSTINGS_H
#define EP_INDEX_POSTINGS_H

#include "base/buffer.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* The bytes behind a list that may be read, and are not heeded. */
#define EP_POSTINGS_PADDING 8

/* Low bits at most: with those that stand before them in their byte they fit into 64. */
#define EP_POSTINGS_LOW_MAX 56

/* The least average of numbers in a part. */
#define EP_POSTINGS_PART 8

/* A list of count numbers below unit << bits; 1 <= count <= unit << bits < 2^60. */
struct ep_postings {
	const uint8_t *bytes; /* `size`, and EP_POSTINGS_PADDING more */
	uint64_t size;
	uint64_t count;
	uint64_t unit;
	unsigned bits;
	unsigned part_bits; /* p */
	unsigned width; /* bits of a number of the table */
	unsigned low; /* bits of each that stand in the lows */
};

/* What is known of a list before its bytes are there. */
struct ep_postings ep_postings_shape(uint64_t count, uint64_t unit, unsigned bits);

/* Appends numbers[0..count), which ascend and are below unit << bits, none twice. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_postings_encode(struct ep_buffer *out, const uint64_t *numbers,
                                              uint64_t count, uint64_t unit, unsigned bits,
                                              struct ep_error *err);

/* Where one goes through a list. */
struct ep_postings_cursor {
	const uint8_t *lows;
	const uint8_t *highs;
	uint64_t count;
	uint64_t next; /* which of the numbers comes next: so many are before it */
	uint64_t high; /* bits of the highs before its one */
	uint64_t high_end;
	unsigned low;
};

/* At the beginning of a list. */
struct ep_postings_cursor ep_postings_begin(const struct ep_postings *list);

/* At the first number that is not below units * unit; units <= 1 << bits. In damaged bytes it may
 * be any number. If each part is one unit, only the table is read. */
struct ep_postings_cursor ep_postings_find(const struct ep_postings *list, uint64_t units);

/* Where what comes next stands: its low bits, and its one; of damaged bytes, anywhere. */
static inline const uint8_t *
ep_postings_low(const struct ep_postings_cursor *cursor)
{
	return cursor->lows + cursor->next * cursor->low / 8;
}

static inline const uint8_t *
ep_postings_high(const struct ep_postings_cursor *cursor)
{
	return cursor->highs + cursor->high / 8;
}

/* Gives the next numbers, at most max, up to the first that is not below end; returns how many. Any
 * bytes give numbers; of damaged ones some may be wrong, or not ascend, or be missing. */
size_t ep_postings_read(uint64_t *numbers, size_t max, struct ep_postings_cursor *cursor,
                        uint64_t end);

#endif
