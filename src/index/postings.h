/* postings.h - ascending numbers below a limit in about two bits more than their entropy
 *
 * The Elias-Fano form: of each of n numbers below limit the low bits, as they are, side by side;
 * then the high parts, as n ones in a row of bits, where one stands behind as many zeros as its
 * high part says.
 *
 *     low bits a number   l = floor(log2(limit / n))
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

/* The bytes behind a list that ep_postings_decode may read, and does not heed. */
#define EP_POSTINGS_PADDING 8

/* The bytes of a list of count numbers below limit; 1 <= count <= limit. */
size_t ep_postings_size(uint32_t count, uint32_t limit);

/* Appends numbers[0..count), which ascend and are below limit, none twice. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_postings_encode(struct ep_buffer *out, const uint32_t *numbers,
                                              uint32_t count, uint32_t limit, struct ep_error *err);

/* Writes the numbers of a list to numbers[0..count). Any bytes give numbers, of damaged ones some
 * may be wrong or above the limit. bytes has ep_postings_size and EP_POSTINGS_PADDING more. */
void ep_postings_decode(uint32_t *numbers, const uint8_t *bytes, uint32_t count, uint32_t limit);

/* Asks the memory for a list of count numbers, 1 or more, without waiting. */
void ep_postings_prefetch(const uint8_t *bytes, uint32_t count, uint32_t limit);

#endif
