/* live.h - sound without end: from a pipe to samples as they come, in a decoder process of its own
 *
 *     program: bytes -> pipe --descriptor--> decoder: recognised by its first bytes, and decoded
 *     program: take <--format, titles, samples--'
 *
 * The limits are rates: of processor time a quarter of the sound's, of memory EP_LIVE_MEMORY. What
 * the caller has to see to is that something comes at all: an ep_live never waits.
 */
#ifndef EP_SOUND_LIVE_H
#define EP_SOUND_LIVE_H

#include "base/text.h"
#include "sound/nursery.h"

#include <stddef.h>
#include <stdint.h>

struct ep_live;

struct ep_live_options {
	const char *name; /* of a file, whose ending helps to recognise it; "" or NULL: none */
	double start_s; /* of a file: where to begin */
	bool raw; /* there are samples alone: mono, signed 16 bit, EP_SOUND_RATE a second */
};

enum ep_live_kind {
	EP_LIVE_NOTHING, /* for now */
	EP_LIVE_FORMAT, /* what the sound is; comes first */
	EP_LIVE_SAMPLES,
	EP_LIVE_TITLE,
	EP_LIVE_END /* all that was there is decoded */
};

/* What comes. Texts and samples are valid until the next call. */
struct ep_live_news {
	enum ep_live_kind kind;
	const int16_t *samples; /* EP_SOUND_RATE a second */
	size_t count;
	struct ep_text text; /* of TITLE, any bytes; of FORMAT the codec's name */
	uint32_t sample_rate; /* of FORMAT; 0 where not known */
	uint32_t bit_rate;
};

/* Lets a decoder read the descriptor fd, which may be closed then. A regular file may be sought in.
 * EP_IO  the decoder cannot be started. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_live_open(struct ep_live **out, struct ep_nursery *nursery, int fd,
                                        const struct ep_live_options *options,
                                        struct ep_error *err);

/* Ends the decoder, wherever it is. */
void ep_live_close(struct ep_live *live);
EP_DEFINE_OWNED(struct ep_live, ep_live_close)

/* To poll: readable when ep_live_take has something. */
int ep_live_socket(const struct ep_live *live);

/* Takes what has come, without waiting. EP_NOT_FOUND  there is no audio in it. EP_BAD_INPUT  it
 * cannot be decoded, or the decoder died; the text says how. After a failure or the end, nothing
 * more comes. */
EP_MUST_USE enum ep_status ep_live_take(struct ep_live_news *news, struct ep_live *live,
                                        struct ep_error *err);

#endif
