/* feed_found.h - the feed that a publisher finds in its folder, and whether to go on from it */
#ifndef EP_SYNC_MASTER_FEED_FOUND_H
#define EP_SYNC_MASTER_FEED_FOUND_H

#include "format/feed.h"

enum ep_feed_state {
	EP_FEED_NONE, /* there is no feed.json */
	EP_FEED_GOOD, /* it is this node's: feed is filled */
	EP_FEED_WRONG /* it is damaged, or does not hang together */
};

/* Reads folder's feed.json of the node with that key; where it is damaged, the spare beside it.
 *
 * *state  of feed.json. *spare  feed is filled from the spare.
 * EP_DIVERGED  it is another node's. EP_NEWER, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_find(enum ep_feed_state *state, bool *spare,
                                        struct ep_feed *feed, const char *folder,
                                        const struct ep_key *key, struct ep_error *err);

#endif
