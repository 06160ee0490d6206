/* streams.h - many streams of sound at once: from URLs, files, pipes and devices to samples
 *
 *     "http://..."   Icecast, SHOUTcast, HLS, or a playlist (.m3u, .pls) that names one of these;
 *     "https://..."  the type is told by the bytes, whatever the server says
 *     "-"            standard input
 *     "raw:PATH"     a file, pipe, device or "-" with samples alone: mono, signed 16 bit
 *                    little-endian, EP_SOUND_RATE a second
 *     "PATH"         a file, a named pipe or a device with sound in any format that can be told
 *
 * Each stream has a thread, which does all its waiting, and a decoder process, which is shut in and
 * sees nothing but the bytes (sound/live.h). Whatever happens to one stream - its server dies, its
 * bytes are nonsense, its decoder crashes - costs that stream a connection, and no other anything.
 *
 *     CONNECTING --the first samples--> PLAYING --a file's end--> ENDED
 *         ^  '---------failure-----------. '--failure--.
 *         '----after retry_s seconds-----WAITING <-----'
 *
 * The time to the next attempt doubles with every failure, from 1 s to 5 min, and is drawn at
 * random around that, so that streams of one server do not come back all at once. A minute of play
 * makes it 1 s again.
 */
#ifndef EP_NET_STREAM_STREAMS_H
#define EP_NET_STREAM_STREAMS_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ep_streams;

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

/* Makes an empty set. calls is copied. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status
ep_streams_open(struct ep_streams **out, const struct ep_stream_calls *calls, struct ep_error *err);

/* Removes all streams first. Not from within a call. May be NULL. */
void ep_streams_close(struct ep_streams *streams);
EP_DEFINE_OWNED(struct ep_streams, ep_streams_close)

/* Adds a stream, which begins at once.
 *
 * url     as above; copied.
 * stream  the caller's own, which stands for it in all calls: not NULL, each once.
 * EP_BAD_INPUT  a URL of another kind; the text says what would be right. EP_NO_MEMORY. EP_IO a
 * thread cannot be started, or libcurl is not there. That a server or file cannot be reached is not
 * seen here: the stream is then WAITING. */
EP_MUST_USE enum ep_status ep_streams_add(struct ep_streams *streams, const char *url, void *stream,
                                          struct ep_error *err);

/* Ends it; when this returns, nothing more is called for it. Not from within a call for it. Does
 * nothing where it is not there. */
void ep_streams_remove(struct ep_streams *streams, void *stream);

/* Tells how it is; from any thread, also from within a call. EP_NOT_FOUND  it is not there. */
EP_MUST_USE enum ep_status ep_streams_facts(struct ep_stream_facts *out, struct ep_streams *streams,
                                            void *stream, struct ep_error *err);

#endif
