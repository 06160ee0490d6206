/* channel_internal.h - what the files of a channel share; of no use elsewhere
 *
 *     channel.c       from first to last, and the calls of the stream
 *     channel_hear.c  samples to plays and gaps
 *     channel_json.c  how it is
 *     channel_learn.c what it gives the learner
 */
#ifndef EP_MONITOR_CHANNEL_INTERNAL_H
#define EP_MONITOR_CHANNEL_INTERNAL_H

#include "base/arena.h"
#include "match/listen.h"
#include "monitor/channel.h"
#include "monitor/quiet.h"
#include "monitor/unknown.h"

#include <pthread.h>

#define WHY_MAX 256
#define TITLE_MAX 512

/* The play that is under way. */
struct ep_under_way {
	struct ep_buffer track_id; /* empty: none is */
	struct ep_buffer artist;
	struct ep_buffer track;
	double zero_at; /* when the track would have begun, in seconds since 1970 */
	double start_at; /* when it began to be heard */
	double end_at; /* until when it was heard */
	bool apart; /* the stream has broken off since: it may go on */
	bool over; /* the listener says so; it ends with what is heard now */
};

struct ep_channel {
	struct ep_channel_options options;
	char *name;
	char *url;
	char *shown_url;
	char *tags;
	uint32_t number;

	pthread_mutex_t mutex; /* of what follows */
	struct ep_listener *listener; /* of what came without a gap; NULL: nothing did */
	struct ep_arena texts; /* of the last answer */
	double begin_at; /* when what the listener was given began */
	double piece_at; /* when the piece that is heard now began */
	double piece_s; /* where in the listener's stream that is */
	double fed_s; /* how much the listener was given */
	double heard_at; /* until when it was heard; 0: never */
	double noted_at; /* and what of that is noted */
	double added_at;
	bool lost; /* a gap is under way */
	struct ep_under_way play;
	double ended_at; /* when the one before has ended; 0: there was none */
	struct ep_quiet quiet;
	struct ep_unknown unknown; /* what may be learnt */
	enum ep_stream_state state;
	double state_at; /* since when */
	double retry_at;
	char why[WHY_MAX];
	char title[TITLE_MAX];
};

/* Moments in seconds, as the log has them. */
int64_t ep_channel_ms(double at);

EP_MUST_USE enum ep_status ep_channel_set_text(struct ep_buffer *to, struct ep_text text,
                                               struct ep_error *err);

/* All of these with the mutex held. EP_NO_MEMORY. */

/* A change of this stream for the log. */
EP_MUST_USE enum ep_status ep_channel_add(struct ep_channel *channel, enum ep_change_kind kind,
                                          double at, const char *reason, struct ep_error *err);

/* It is not heard from a moment on. Nothing, where a gap is under way. */
EP_MUST_USE enum ep_status ep_channel_lose(struct ep_channel *channel, double at,
                                           const char *reason, struct ep_error *err);

/* What plays has ended. Nothing, where nothing does. */
EP_MUST_USE enum ep_status ep_channel_end_play(struct ep_channel *channel, double end_at,
                                               struct ep_error *err);

/* Takes samples, as ep_stream_calls has them. */
EP_MUST_USE enum ep_status ep_channel_hear(struct ep_channel *channel, double at, bool joined,
                                           const int16_t *samples, size_t count,
                                           struct ep_error *err);

/* ---- channel_learn.c: nothing, where there is no learner, or it is off ---- */

/* Takes samples that were heard from `at` on. */
EP_MUST_USE enum ep_status ep_channel_learn(struct ep_channel *channel, double at,
                                            const int16_t *samples, size_t count,
                                            struct ep_error *err);

/* What was heard up to a moment, when a song began or the stream broke off, is all of it. */
EP_MUST_USE enum ep_status ep_channel_learn_end(struct ep_channel *channel, double until,
                                                struct ep_error *err);

/* ---- */

/* The stream is at its end, and so is what it plays. */
EP_MUST_USE enum ep_status ep_channel_finish(struct ep_channel *channel, struct ep_error *err);

#endif
