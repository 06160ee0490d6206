/* slave_threads.h - a slave that stays in sync with its master: two threads, one that fetches, one
 * that contributes, each with its own transport
 *
 * What fails is tried again, after a time that doubles up to a minute, with jitter, so that a
 * thousand slaves do not come back at once.
 */
#ifndef EP_NET_SLAVE_THREADS_H
#define EP_NET_SLAVE_THREADS_H

#include "sync/slave/sync.h"

struct ep_slave_threads;

struct ep_slave_threads_options {
	struct ep_log *log;
	const char *name; /* of this node */
	const char *mirror; /* a folder that gets the feed as it is; NULL: none */
	/* Told in a line what was done, or what went wrong (once, while it stays the same); from
	 * either thread. */
	void (*on_line)(void *context, const char *line);
	/* Told when the feed in the mirror is new; may be NULL. */
	void (*on_news)(void *context);
	void *context;
};

/* Starts; options is copied, what it points to borrowed. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_slave_threads_start(struct ep_slave_threads **out,
                                                  const struct ep_slave_threads_options *options,
                                                  struct ep_error *err);

/* Ends both threads, in order: what is under way is given up where it can go on later. Accepts
 * NULL. */
void ep_slave_threads_stop(struct ep_slave_threads *slave);
EP_DEFINE_OWNED(struct ep_slave_threads, ep_slave_threads_stop)

#endif
