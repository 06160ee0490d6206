/* slave.h - what the user of a slave asks of its master: to join it, and to sync once
 *
 * slave_threads.h does the latter over and over.
 */
#ifndef EP_NET_SLAVE_H
#define EP_NET_SLAVE_H

#include "sync/slave/sync.h"

/* Joins the master of an invitation: looks whether the feed is that master's, and then as
 * ep_join_master.
 *
 * invitation  its url becomes the one that is kept (ep_way_url).
 * mirror      URL that the feed is fetched from; NULL: the master's.
 * stop        borrowed; may be NULL. As ep_way_open, ep_join_check and ep_join_master. */
EP_MUST_USE enum ep_status ep_slave_join(bool *waits, struct ep_log *log,
                                         struct ep_invitation *invitation, bool has_secret,
                                         const char *mirror, const atomic_bool *stop,
                                         struct ep_error *err);

/* Syncs once with the master that this node has joined, under the name of this node, and notes how
 * it went. As ep_way_of_master and ep_sync. */
EP_MUST_USE enum ep_status ep_slave_sync(struct ep_sync_report *report, struct ep_log *log,
                                         const struct ep_sync_options *options,
                                         struct ep_error *err);

#endif
