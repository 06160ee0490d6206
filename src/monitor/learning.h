/* learning.h - what of a piece of unknown sound was heard before: a new track, or a play of one
 *
 *     piece (unknown.h) -> codes -+-> heard before (node/heard.h)? that part, coded by itself
 *                                 |     -> a new track (node/learn.h)
 *                                 |     -> or a play of a track that is known -> recorder
 *                                 '-> kept, to be found when it is heard again
 *
 * Listening for songs does not find what is much shorter than its windows, such as a jingle of 12
 * seconds. The play of one is found here, at the latest three minutes after it.
 */
#ifndef EP_MONITOR_LEARNING_H
#define EP_MONITOR_LEARNING_H

#include "monitor/recorder.h"
#include "monitor/unknown.h"
#include "node/query_service.h"

struct ep_learning;

struct ep_learning_options {
	struct ep_node *node; /* open for writing; borrowed, as what follows */
	struct ep_query_service *queries;
	struct ep_recorder *recorder;
	/* Told in a line what was learnt, and what goes wrong; from the thread that learns.
	 */
	void (*on_line)(void *context, const char *line);
	void *context;
};

/* Opens DATA/heard, which is made where it is not there. options is copied. As ep_heard_open. */
EP_MUST_USE enum ep_status ep_learning_open(struct ep_learning **out,
                                            const struct ep_learning_options *options,
                                            struct ep_error *err);
void ep_learning_close(struct ep_learning *learning);
EP_DEFINE_OWNED(struct ep_learning, ep_learning_close)

/* Learns from a piece of a stream, and keeps it; number is the stream's in the log of plays. As
 * ep_heard_before, ep_learn_track and ep_heard_keep. */
EP_MUST_USE enum ep_status ep_learning_take(struct ep_learning *learning, struct ep_text stream,
                                            uint32_t number, const struct ep_unknown_piece *piece,
                                            struct ep_error *err);

#endif
