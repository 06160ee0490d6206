/* fetch.h - what is new in the feed comes into the log */
#ifndef EP_SYNC_SLAVE_FETCH_H
#define EP_SYNC_SLAVE_FETCH_H

#include "store/log.h"
#include "sync/slave/sync_options.h"

/* Fetches and applies what is new.
 *
 * EP_DIVERGED  the feed goes back, has another history or a new epoch, or this copy is another than
 * the master's: it has to start again, which somebody must ask for (options->restart).
 * EP_CORRUPT  wrongly signed, or damaged on the way twice. EP_NEWER; others as above. */
EP_MUST_USE enum ep_status ep_fetch(struct ep_sync_report *report, struct ep_log *log,
                                    const struct ep_transport *transport,
                                    const struct ep_sync_options *options, struct ep_error *err);

/* Notes in a request where this node is: a position of the feed, and the digest of its state now,
 * by which the other side shows whether this copy is the master's. EP_CORRUPT, EP_IO. */
EP_MUST_USE enum ep_status ep_fetch_place(struct ep_feed_request *request, struct ep_log *log,
                                          uint64_t position, struct ep_error *err);

#endif
