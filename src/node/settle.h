/* settle.h - what a node does after something was put into its log */
#ifndef EP_NODE_SETTLE_H
#define EP_NODE_SETTLE_H

#include "dedup/copies.h"
#include "node/node.h"

/* After an ingest: brings the index up to date, links copies, and the index again where links
 * changed it, and then the catalogue. Progress is told to the node's on_work.
 *
 * report  what was linked. As ep_node_follow_index and ep_link_copies; of the
 * catalogue only EP_INTERRUPTED, for it can be made up later. */
EP_MUST_USE enum ep_status ep_node_settle(struct ep_copies_report *report, struct ep_node *node,
                                          struct ep_error *err);

#endif
