/* transfer.h - a download from its beginning to its end, while what came before is played */
#ifndef EP_NET_STREAM_TRANSFER_H
#define EP_NET_STREAM_TRANSFER_H

#include "net/stream/download.h"
#include "net/stream/player.h"

struct ep_transfer {
	struct ep_station *station;
	struct ep_download *download;
	struct ep_player *player;
};

/* Runs one. The request's take gives EP_TAKEN_LATER where the player is not ready.
 *
 * EP_INTERRUPTED  the station is to stop. And as ep_download_begin, ep_download_step and
 * ep_player_take; that the sound ends before the bytes do is EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_transfer_run(struct ep_transfer *transfer,
                                           const struct ep_download_request *request,
                                           struct ep_error *err);

/* The same with bytes that go to the player, or into a buffer up to its max (EP_BAD_INPUT). */
EP_MUST_USE enum ep_status ep_transfer_play(struct ep_transfer *transfer, const char *url,
                                            uint64_t from, uint64_t size, struct ep_error *err);
EP_MUST_USE enum ep_status ep_transfer_read(struct ep_buffer *out, struct ep_transfer *transfer,
                                            const char *url, struct ep_error *err);

/* Plays on for so long, in seconds, what is there. */
EP_MUST_USE enum ep_status ep_transfer_pass(struct ep_transfer *transfer, double seconds,
                                            struct ep_error *err);

#endif
