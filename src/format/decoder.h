/* decoder.h - one shape for the four decompressors of stream.h
 */
#ifndef EP_FORMAT_DECODER_H
#define EP_FORMAT_DECODER_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest window (zstd) or dictionary (xz) that is unpacked, in bytes: 128 MiB. */
#define EP_STREAM_WINDOW_MAX ((size_t)128 << 20)

/* The longest front that tells a format. */
#define EP_DECODER_FRONT_MAX 10

/* What a step may read and write; it moves the pointers and lowers the sizes by what it did. */
struct ep_decoder_io {
	const uint8_t *in;
	size_t in_size;
	bool in_ended; /* nothing comes behind in */
	uint8_t *out;
	size_t out_size;
};

struct ep_decoder {
	const char *name;

	/* Whether the input starts as this format does. Of an input that is shorter than its front
	 * (size < EP_DECODER_FRONT_MAX), whether it can be nothing else, cut off. */
	bool (*match)(const uint8_t *front, size_t size);

	/* Makes a state, to be closed. EP_NO_MEMORY. */
	enum ep_status (*open)(void **state);

	/* Goes on; *stream_ended tells that a whole stream is done and the next byte, if there is
	 * one, starts another. Does nothing without an error where it lacks input.
	 * EP_BAD_INPUT with *reason set, EP_NO_MEMORY. */
	enum ep_status (*step)(void *state, struct ep_decoder_io *io, bool *stream_ended,
	                       const char **reason);

	/* Accepts NULL. */
	void (*close)(void *state);
};

/* The decoder whose format the input starts with, NULL for plain input. size is that of the whole
 * input where it is below EP_DECODER_FRONT_MAX. */
const struct ep_decoder *ep_decoder_for(const uint8_t *front, size_t size);

#endif
