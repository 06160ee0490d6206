/* restart.h - starting again from a feed: what it has is taken, what else came from the master goes
 */
#ifndef EP_REPLICATION_RESTART_H
#define EP_REPLICATION_RESTART_H

#include "store/log.h"

/* The tracks that the feed has. A zeroed struct is empty. */
struct ep_restart {
	uint64_t *seen; /* hashes of their ids */
	size_t count;
	size_t capacity;
};
void ep_restart_free(struct ep_restart *restart);

/* Notes that the feed has a track. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_restart_saw(struct ep_restart *restart, struct ep_text id,
                                          struct ep_error *err);

/* Deletes the tracks of source master that the feed does not have; or, to keep them, makes them
 * this node's own, which are contributed then. EP_IO and so on. */
EP_MUST_USE enum ep_status ep_restart_end(struct ep_restart *restart, struct ep_log *log, bool keep,
                                          struct ep_error *err);

#endif
