/* keeper.h - keeps another system in step with the log, in a thread of a server */
#ifndef EP_NET_KEEPER_H
#define EP_NET_KEEPER_H

#include "store/log.h"

#include <stdatomic.h>

struct ep_keeper;

struct ep_keeper_options {
	struct ep_log *log;
	const char *name; /* of the follower, for lines */
	/* Brings the other system up to the end of the log; ends with EP_INTERRUPTED once *stop. */
	enum ep_status (*push)(void *context, const atomic_bool *stop, struct ep_error *err);
	void *context;
	/* Told in a line what goes wrong, once while it stays the same, and when it goes well
	 * again. From the keeper's thread. */
	void (*on_line)(void *context, bool detail, const char *line);
	void *line_context;
};

/* Starts the thread: it pushes at once, and when the log has changed; after a failure it waits
 * longer each time, up to a minute. options is copied, what it points to borrowed. EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_keeper_start(struct ep_keeper **out,
                                           const struct ep_keeper_options *options,
                                           struct ep_error *err);
void ep_keeper_stop(struct ep_keeper *keeper);
EP_DEFINE_OWNED(struct ep_keeper, ep_keeper_stop)

#endif
