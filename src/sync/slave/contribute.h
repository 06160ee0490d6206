/* contribute.h - what the feed has not confirmed goes to the master */
#ifndef EP_SYNC_SLAVE_CONTRIBUTE_H
#define EP_SYNC_SLAVE_CONTRIBUTE_H

#include "store/log.h"
#include "sync/slave/sync_options.h"

/* Contributes until nothing is left, or an answer has to be waited for.
 *
 * EP_NOT_FOUND  this node has no master. EP_BAD_INPUT  the master refuses. EP_DIVERGED  it does not
 * come to terms with what this node sends: another node has the same key.
 * EP_CORRUPT  a receipt is wrongly signed. EP_UNREACHABLE, EP_INTERRUPTED, EP_IO, EP_NO_SPACE. */
EP_MUST_USE enum ep_status ep_contribute(struct ep_sync_report *report, struct ep_log *log,
                                         const struct ep_transport *transport,
                                         const struct ep_sync_options *options,
                                         struct ep_error *err);

/* What the feed has not confirmed. */
struct ep_pending {
	uint64_t unsent; /* tracks and links to be sent */
	uint64_t sent; /* sent, and not in the feed yet */
	uint64_t full; /* over a limit of the master */
	uint64_t refused; /* that the master does not take */
};
EP_MUST_USE enum ep_status ep_sync_pending(struct ep_pending *pending,
                                           const struct ep_log_read *read, struct ep_error *err);

/* Whether anything of this log is not confirmed. */
EP_MUST_USE enum ep_status ep_sync_waits(bool *waits, struct ep_log *log, struct ep_error *err);

#endif
