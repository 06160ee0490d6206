/* by_hand.h - what the user of a node decides about single tracks
 *
 * Each is one transaction, after which the index follows; where that fails, the change is kept all
 * the same (ep_node_follow_change), and the next query makes up for it. What came from the master
 * that this node follows is not its own to decide (ep_check_own): EP_BAD_INPUT.
 */
#ifndef EP_NODE_BY_HAND_H
#define EP_NODE_BY_HAND_H

#include "node/node.h"

/* Tracks to be deleted, and what became of them. */
struct ep_deletion {
	const char *const *ids; /* count of them */
	size_t count;
	/* Told of each that cannot be deleted; may be NULL. */
	void (*on_left)(void *context, const char *id, const struct ep_error *why);
	void *context;
	uint64_t deleted;
	uint64_t position; /* of the log then */
	struct ep_error why; /* the first was left: EP_NOT_FOUND, EP_BAD_INPUT; else EP_OK */
};

/* Deletes all that can be, in one transaction; the index follows later. EP_CORRUPT, EP_IO,
 * EP_NO_SPACE, EP_NO_MEMORY: none was deleted. */
EP_MUST_USE enum ep_status ep_node_delete(struct ep_deletion *deletion, struct ep_node *node,
                                          struct ep_error *err);

/* Makes copy a copy of original, however they lie on each other. EP_NOT_FOUND  one of them is not
 * there, or has been deleted. As ep_compare_tracks, ep_log_link and ep_node_follow_change. */
EP_MUST_USE enum ep_status ep_node_link(struct ep_node *node, const char *copy,
                                        const char *original, struct ep_error *err);

/* Makes a copy a song of its own again. As ep_log_release and ep_node_follow_change. */
EP_MUST_USE enum ep_status ep_node_release(struct ep_node *node, const char *copy,
                                           struct ep_error *err);

/* Accepts a version of a track that was kept aside, from 1 on, or drops it; version 0: all, or the
 * only one where it is accepted. As ep_log_settle_conflict and ep_node_follow_change. */
EP_MUST_USE enum ep_status ep_node_settle_conflict(struct ep_node *node, const char *id,
                                                   bool accept, size_t version,
                                                   struct ep_error *err);

#endif
