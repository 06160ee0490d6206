/* station.h - one stream as its thread sees it: what it is, how it is, and whom to tell */
#ifndef EP_NET_STREAM_STATION_H
#define EP_NET_STREAM_STATION_H

#include "base/buffer.h"
#include "net/stream/stream_calls.h"
#include "sound/nursery.h"

#include <pthread.h>
#include <stdatomic.h>

/* How long a thread waits before it looks whether to stop. */
#define EP_STATION_WAIT_MS 200

struct ep_station {
	const struct ep_stream_calls *calls;
	struct ep_nursery *nursery;
	void *stream;
	char *url; /* as it was added */
	pthread_t thread;
	atomic_bool stop;
	pthread_mutex_t mutex; /* of facts, and of waking */
	pthread_cond_t wake;
	struct ep_stream_facts facts;
	/* What follows is for its own thread. */
	struct ep_buffer title; /* the last one that was told */
	size_t attempt; /* counts them: which entry of a playlist is tried */
	double played_s; /* sound since the last failure */
	bool has_segment; /* of HLS: segment is the next one, also in the next connection */
	uint64_t segment;
	bool is_live; /* of HLS: segments were added to it once */
	double file_began; /* of a file: when it was first opened, in seconds since 1970 */
	uint64_t file_samples; /* of a file: given out, so that the next attempt goes on there */
};

/* Makes one. Takes no ownership but of a copy of url. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_station_new(struct ep_station **out, const char *url,
                                          struct ep_error *err);
void ep_station_free(struct ep_station *station);
EP_DEFINE_OWNED(struct ep_station, ep_station_free)

/* Asks its thread to stop; any thread may. */
void ep_station_stop(struct ep_station *station);

/* EP_INTERRUPTED once it is to stop. */
EP_MUST_USE enum ep_status ep_station_check(const struct ep_station *station, struct ep_error *err);

/* Waits so long, in seconds, or until it is to stop. */
void ep_station_sleep(struct ep_station *station, double seconds);

/* Tells a state, where it is another. */
void ep_station_tell_state(struct ep_station *station, enum ep_stream_state state, const char *why,
                           double retry_s);

/* Hands samples on; the first of a connection make it PLAYING. Fails as on_samples. */
EP_MUST_USE enum ep_status ep_station_tell_samples(struct ep_station *station, double at,
                                                   bool joined, const int16_t *samples,
                                                   size_t count, struct ep_error *err);

/* Tells a title, any bytes, where it is another than the last. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_station_tell_title(struct ep_station *station, struct ep_text title,
                                                 struct ep_error *err);

/* Tells in words what the user should know although the stream goes on. */
void ep_station_tell_note(struct ep_station *station, const char *text);

/* Notes what the sound is, that a connection begins, and bytes that came. */
void ep_station_note_format(struct ep_station *station, struct ep_text codec, uint32_t sample_rate,
                            uint32_t bit_rate);
void ep_station_note_connection(struct ep_station *station);
void ep_station_note_bytes(struct ep_station *station, size_t size);

#endif
