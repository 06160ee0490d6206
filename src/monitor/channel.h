/* channel.h - one stream under the monitor: from its samples to changes of the log of plays
 *
 *     samples -> listener (match/listen.h) -> plays -.
 *     samples that do not come ------------> gaps  ---+-> recorder
 *     samples that are not recognised -----> pieces -> learner (learner.h)
 *     energy of samples -> silence or not -> state
 *
 * A stream that breaks off does not end its play: when samples come again, or after a restart of
 * the monitor, the play goes on if the same track is recognised and its beginning is where it was.
 * It ends, when it was last heard, if another track is recognised, if EP_CHANNEL_HEARD_S seconds of
 * sound came without it, or if no sound came for EP_CHANNEL_LOST_S.
 */
#ifndef EP_MONITOR_CHANNEL_H
#define EP_MONITOR_CHANNEL_H

#include "monitor/config.h"
#include "monitor/learner.h"
#include "monitor/recorder.h"
#include "net/stream/streams.h"
#include "node/query_service.h"

#include <jansson.h>

#define EP_CHANNEL_HEARD_S 60
#define EP_CHANNEL_LOST_S 600

/* Beginnings of a track on two connections to a stream, so near each other in seconds, are one:
 * servers send a few seconds of the past at first. */
#define EP_CHANNEL_AGREE_S 30

/* A stream that is silent for so long, in seconds, is told as that. */
#define EP_CHANNEL_SILENCE_S 10

struct ep_channel;

struct ep_channel_options {
	const struct ep_stream_config *config; /* copied */
	struct ep_plays *plays; /* borrowed, as what follows */
	struct ep_query_service *queries;
	struct ep_recorder *recorder;
	struct ep_learner *learner; /* of what is not recognised; NULL: none */
	/* Told in a line when the stream fails, once while the reason stays the same, and when it
	 * is heard again; from any thread. */
	void (*on_line)(void *context, const char *line);
	void *context;
};

/* Makes a channel, and takes up what the log has of its stream. As ep_plays_add_stream. */
EP_MUST_USE enum ep_status ep_channel_new(struct ep_channel **out,
                                          const struct ep_channel_options *options,
                                          struct ep_error *err);
/* Its stream must have been removed. What plays stays under way in the log. */
void ep_channel_free(struct ep_channel *channel);
EP_DEFINE_OWNED(struct ep_channel, ep_channel_free)

/* Ends what plays, as the stream is monitored no more. */
void ep_channel_retire(struct ep_channel *channel);

/* Gives what was not recognised last to the learner, as its stream has been removed. EP_NO_MEMORY.
 */
EP_MUST_USE enum ep_status ep_channel_leave(struct ep_channel *channel, struct ep_error *err);

/* Whether it is the stream that a config says. */
bool ep_channel_is(const struct ep_channel *channel, const struct ep_stream_config *config);
struct ep_text ep_channel_name(const struct ep_channel *channel);
const char *ep_channel_url(const struct ep_channel *channel);

/* Whether its stream is at its end. */
bool ep_channel_ended(struct ep_channel *channel);

/* The calls of its stream, for ep_streams_open; a stream there is a channel. */
extern const struct ep_stream_calls ep_channel_calls;

/* Notes until when it was heard, and ends what waited for too long: to be called every few seconds.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_channel_tick(struct ep_channel *channel, struct ep_error *err);

/* How it is, as `status` tells it; streams: that have it. NULL where there is no memory. */
json_t *ep_channel_json(struct ep_channel *channel, struct ep_streams *streams);

#endif
