/* onset_range.h - an entropy coder of symbols that are intervals of 0..65535: rANS
 *
 * The state is a number below 2^31. A symbol that is the interval start..start + size of the 65,536
 * values turns state x into (x / size) << 16 | start + x % size, and back. What does not fit moves
 * out as bytes. Encoding goes from the last symbol to the first, so symbols are collected before.
 * The state begins as EP_RANGE_SEAL, and is that again when all has been read: what was cut short
 * shows.
 */
#ifndef EP_CODE_ONSET_ONSET_RANGE_H
#define EP_CODE_ONSET_ONSET_RANGE_H

#include "base/buffer.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EP_RANGE_BITS 16
#define EP_RANGE_SEAL 0x5au
#define EP_RANGE_LOW ((uint32_t)1 << 23)

struct ep_range_symbol {
	uint32_t start;
	uint32_t size; /* above 0; start + size is at most 65,536 */
};

struct ep_range_encoder {
	struct ep_range_symbol *symbols;
	size_t count;
	size_t capacity;
};

/* EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_range_grow(struct ep_range_encoder *encoder, struct ep_error *err);

EP_MUST_USE static inline enum ep_status
ep_range_put(struct ep_range_encoder *encoder, uint32_t start, uint32_t size, struct ep_error *err)
{
	if (encoder->count == encoder->capacity)
		EP_TRY(ep_range_grow(encoder, err));
	encoder->symbols[encoder->count++] = (struct ep_range_symbol){ start, size };
	return EP_OK;
}

/* Appends the bytes of all symbols to out, and forgets the symbols. Fails as ep_buffer_append. */
EP_MUST_USE enum ep_status ep_range_finish(struct ep_buffer *out, struct ep_range_encoder *encoder,
                                           struct ep_error *err);
void ep_range_encoder_done(struct ep_range_encoder *encoder);

/* Reads bytes[0..size), which it borrows; any bytes are symbols. */
struct ep_range_decoder {
	uint32_t state;
	const uint8_t *at;
	const uint8_t *end;
};

static inline void
ep_range_fill(struct ep_range_decoder *decoder)
{
	while (decoder->state < EP_RANGE_LOW && decoder->at < decoder->end)
		decoder->state = decoder->state << 8 | *decoder->at++;
}

/* As ep_range_fill, where the state was full before a symbol was removed: it then lacks two bytes
 * at most. How many it lacks cannot be predicted, so there is no branch on it. */
static inline void
ep_range_refill(struct ep_range_decoder *decoder)
{
	if (decoder->end - decoder->at < 4) {
		ep_range_fill(decoder);
		return;
	}
	const uint8_t *at = decoder->at;
	uint32_t next =
		(uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	unsigned lacks = (unsigned)(decoder->state < EP_RANGE_LOW) +
	                 (unsigned)(decoder->state < EP_RANGE_LOW >> 8);
	uint64_t both = (uint64_t)decoder->state << 32 | next;
	decoder->state = (uint32_t)(both << (8 * lacks) >> 32);
	decoder->at += lacks;
}

static inline struct ep_range_decoder
ep_range_decoder_of(const uint8_t *bytes, size_t size)
{
	struct ep_range_decoder decoder = { 0, bytes, bytes + size };
	ep_range_fill(&decoder);
	return decoder;
}

/* Which of the 65,536 values the next symbol contains. */
static inline uint32_t
ep_range_peek(const struct ep_range_decoder *decoder)
{
	return decoder->state & ((1u << EP_RANGE_BITS) - 1);
}

/* Removes the next symbol, which contains the value that ep_range_peek gave. */
static inline void
ep_range_take(struct ep_range_decoder *decoder, uint32_t start, uint32_t size)
{
	decoder->state = size * (decoder->state >> EP_RANGE_BITS) + ep_range_peek(decoder) - start;
	ep_range_refill(decoder);
}

/* Whether all bytes have been read and were what ep_range_finish writes. */
static inline bool
ep_range_at_end(const struct ep_range_decoder *decoder)
{
	return decoder->at == decoder->end && decoder->state == EP_RANGE_SEAL;
}

#endif
