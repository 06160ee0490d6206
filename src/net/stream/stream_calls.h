/* stream_calls.h - what a stream tells: its samples, its states, and what is known of it */
#ifndef EP_NET_STREAM_STREAM_CALLS_H
#define EP_NET_STREAM_STREAM_CALLS_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ep_stream_state {
	EP_STREAM_CONNECTING, /* it waits for its first samples */
	EP_STREAM_PLAYING,
	EP_STREAM_WAITING, /* it failed, and is tried again later */
	EP_STREAM_ENDED /* a file, a pipe without a name, or a finished HLS playlist: at its end */
};

/* Whom to tell. All calls for one stream come one after the other, from its own thread; those for
 * different streams come at the same time. They may take their time: then the stream waits, and no
 * other. */
struct ep_stream_calls {
	/* The next samples, EP_SOUND_RATE a second, as they come: pieces of about half a second.
	 *
	 * at      the moment at which the first was heard, in seconds since 1970. Of a live stream:
	 *         when its connection began to play, plus what was heard since, so that a burst at
	 *         the start does not bend it; set right where the station's clock and ours part. Of
	 *         a file: when it was opened, plus what was heard since.
	 * joined  they follow the samples before without a gap.
	 * What it fails with is a failure of the stream: WAITING, with the text of err. */
	enum ep_status (*on_samples)(void *stream, double at, bool joined, const int16_t *samples,
	                             size_t count, struct ep_error *err);
	/* A new state. why: of WAITING what went wrong, in words for the user; else "". retry_s: of
	 * WAITING, in how many seconds it is tried again; else 0. May be NULL. */
	void (*on_state)(void *stream, enum ep_stream_state state, const char *why, double retry_s);
	/* What plays, as the station says: StreamTitle of ICY, or "ARTIST - TITLE" of an Ogg
	 * stream. UTF-8, where it changed. Borrowed. May be NULL. */
	void (*on_title)(void *stream, struct ep_text title);
	/* What the user should know although the stream goes on, in words. May be NULL. */
	void (*on_note)(void *stream, const char *text);
};

/* What is known of a stream. Counts are since it was added. */
struct ep_stream_facts {
	enum ep_stream_state state;
	uint64_t bytes; /* that came from its server; of files, pipes and devices 0 */
	uint64_t samples; /* that were given out */
	uint64_t connections; /* attempts; of files, how often it was opened */
	double plays_since; /* seconds since 1970; 0 where it does not play */
	uint32_t sample_rate; /* Hz, before it is resampled; 0 where not known */
	uint32_t bit_rate; /* bit/s; 0 where not known */
	char codec[32]; /* as FFmpeg names it: "mp3", "aac"; "" where not known */
};

#endif
