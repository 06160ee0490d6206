/* player.h - what a stream plays now: a decoder, the bytes on their way to it, and its samples' way
 * on to the station
 *
 * Zeroed at first. Nothing here waits.
 */
#ifndef EP_NET_STREAM_PLAYER_H
#define EP_NET_STREAM_PLAYER_H

#include "net/stream/pace.h"
#include "net/stream/station.h"
#include "sound/live.h"

/* A stream from which no sound comes for so long has failed; so has one that sends so much without
 * any. */
#define EP_PLAYER_PATIENCE_S 60
#define EP_PLAYER_PATIENCE_BYTES ((size_t)16 << 20)

struct ep_player {
	struct ep_station *station;
	struct ep_live *live; /* NULL: there is no decoder */
	int pipe; /* its writing end, when has_pipe */
	bool has_pipe;
	struct ep_buffer backlog; /* bytes that the pipe did not take yet */
	size_t sent; /* of these */
	bool joined; /* the next samples follow those before */
	struct ep_pace pace;
	double heard_s; /* when samples last came, or there was a reason that none did */
	size_t silent_bytes; /* that came since */
};

/* Begins a stream. live, base: as ep_pace_begin. */
void ep_player_begin(struct ep_player *player, struct ep_station *station, bool live, double base);

/* Ends it at once; what is not played is lost. */
void ep_player_end(struct ep_player *player);
#define EP_PLAYER __attribute__((cleanup(ep_player_end)))

/* Starts a decoder, in place of one before, for bytes that are written with ep_player_write. Fails
 * as ep_live_open. */
EP_MUST_USE enum ep_status ep_player_start(struct ep_player *player, struct ep_error *err);

/* The same for what can be read of a descriptor, which is borrowed. */
EP_MUST_USE enum ep_status ep_player_start_fd(struct ep_player *player, int fd,
                                              const struct ep_live_options *options,
                                              struct ep_error *err);

/* Whether bytes can be written now: those before are on their way, and it does not play faster than
 * it is heard. Sends what it can. */
bool ep_player_ready(struct ep_player *player);

/* Hands bytes to the decoder; what it does not take now is kept. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_player_write(struct ep_player *player, const uint8_t *bytes,
                                           size_t size, struct ep_error *err);

/* Says that no bytes will follow. */
void ep_player_close(struct ep_player *player);

/* Takes what the decoder has, a little at a time; *ended once it has no more. Fails as
 * ep_live_take, as the station's on_samples, and where sound did not come for too long
 * (EP_BAD_INPUT). */
EP_MUST_USE enum ep_status ep_player_take(bool *ended, struct ep_player *player,
                                          struct ep_error *err);

/* Whether sound did not come for too long: EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_player_check_patience(struct ep_player *player, struct ep_error *err);

/* Waits until the decoder has more, for EP_STATION_WAIT_MS at most. */
void ep_player_wait(struct ep_player *player);

/* Says that no bytes will follow, and plays to the end. EP_INTERRUPTED, and as ep_player_take. */
EP_MUST_USE enum ep_status ep_player_finish(struct ep_player *player, struct ep_error *err);

#endif
