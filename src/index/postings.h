/* postings.h - ascending numbers below a limit in about two bits more than their entropy
 *
 * The Elias-Fano form: of each of n numbers below limit the low bits, as they are, side by side;
 * then the high parts, as n ones in a row of bits, where one stands behind as many zeros as its
 * high part says.
 *
 *     low bits a number   l = floor(log2(limit / n)), at most EP_POSTINGS_LOW_MAX
 *     lows                n * l bits, the first number's lowest bit first; filled up to a byte
 *     highs               n + (limit >> l) + 1 bits; filled up to a byte
 *
 * Where the numbers from a given one on begin is found by counting zeros, so that a part of a list
 * is read without what stands before it.
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

/* A list of count numbers below limit; 1 <= count <= limit < 2^60. */
struct ep_postings {
	const uint8_t *bytes; /* `size`, and EP_POSTINGS_PADDING more */
	uint64_t size;
	uint64_t count;
	unsigned low; /* bits of each that stand in the lows */
};

/* What is known of a list before its bytes are there. */
struct ep_postings ep_postings_shape(uint64_t count, uint64_t limit);

/* Appends numbers[0..count), which ascend and are below limit, none twice. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_postings_encode(struct ep_buffer *out, const uint64_t *numbers,
                                              uint64_t count, uint64_t limit, struct ep_error *err);

/* Where one goes through a list. */
struct ep_postings_cursor {
	const uint8_t *lows;
	const uint8_t *highs;
	uint64_t count;
	uint64_t next; /* which of the numbers comes next */
	uint64_t high; /* bits of the highs before its one */
	uint64_t high_end;
	unsigned low;
};

/* At the beginning of a list. */
struct ep_postings_cursor ep_postings_begin(const struct ep_postings *list);

/* Goes on to the first number that is not below least. Of damaged bytes it may be any. */
void ep_postings_seek(struct ep_postings_cursor *cursor, uint64_t least);

/* Gives the next numbers, at most max, up to the first that is not below end; returns how many. Any
 * bytes give numbers; of damaged ones some may be wrong, or not ascend, or be missing. */
size_t ep_postings_read(uint64_t *numbers, size_t max, struct ep_postings_cursor *cursor,
                        uint64_t end);

#endif
