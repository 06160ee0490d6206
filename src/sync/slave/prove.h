/* prove.h - whether this copy is the master's */
#ifndef EP_SYNC_SLAVE_PROVE_H
#define EP_SYNC_SLAVE_PROVE_H

#include "format/feed.h"
#include "store/log.h"
#include "sync/slave/sync_options.h"

/* Compares state digests when a feed has been applied, and sets report->proof and local_only;
 * nothing, while local changes are on their way. EP_DIVERGED  this copy is not the master's.
 * EP_CORRUPT and so on. */
EP_MUST_USE enum ep_status ep_prove_equal(struct ep_sync_report *report, struct ep_log *log,
                                          const struct ep_feed *feed, struct ep_error *err);

#endif
