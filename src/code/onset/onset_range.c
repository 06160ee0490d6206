#include "code/onset/onset_range.h"

#include <stdlib.h>

enum ep_status
ep_range_grow(struct ep_range_encoder *encoder, struct ep_error *err)
{
	size_t capacity = encoder->capacity ? encoder->capacity * 2 : 2048;
	struct ep_range_symbol *symbols = realloc(encoder->symbols, capacity * sizeof *symbols);
	if (!symbols)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu symbols", capacity);
	encoder->symbols = symbols;
	encoder->capacity = capacity;
	return EP_OK;
}

void
ep_range_encoder_done(struct ep_range_encoder *encoder)
{
	free(encoder->symbols);
	*encoder = (struct ep_range_encoder){ NULL, 0, 0 };
}

static void
reverse(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		uint8_t byte = bytes[i];
		bytes[i] = bytes[size - 1 - i];
		bytes[size - 1 - i] = byte;
	}
}

enum ep_status
ep_range_finish(struct ep_buffer *out, struct ep_range_encoder *encoder, struct ep_error *err)
{
	/* A symbol moves out two bytes at most, and at the end there are four. */
	EP_TRY(ep_buffer_reserve(out, encoder->count * 2 + 4, err));
	uint8_t *bytes = out->data + out->size;
	size_t size = 0;
	uint32_t state = EP_RANGE_SEAL;
	for (size_t i = encoder->count; i-- > 0;) {
		const struct ep_range_symbol *symbol = &encoder->symbols[i];
		while (state >= symbol->size << (31 - EP_RANGE_BITS)) {
			bytes[size++] = (uint8_t)state;
			state >>= 8;
		}
		state = (state / symbol->size << EP_RANGE_BITS) + symbol->start +
		        state % symbol->size;
	}
	for (; state; state >>= 8)
		bytes[size++] = (uint8_t)state;
	reverse(bytes, size);
	out->size += size;
	encoder->count = 0;
	return EP_OK;
}
