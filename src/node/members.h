/* members.h - who may contribute to a master, and how much: what its user says of slaves
 *
 * Each is one transaction of the log, which must be open for writing.
 */
#ifndef EP_NODE_MEMBERS_H
#define EP_NODE_MEMBERS_H

#include "node/node.h"

struct ep_new_member {
	const char *name; /* as ep_slave_name_ok wants it */
	const struct ep_key *key; /* NULL: it is invited, and brings its key */
	const char *url; /* of this master, for the invitation; NULL: as before, else a guess */
};

/* Lets a key in, or makes an invitation where none is given. *replaced says that there was an open
 * one, which is good no longer. EP_BAD_INPUT  the name or key is in already. EP_USAGE  the URL is
 * too long. EP_CORRUPT, EP_DIVERGED, EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_node_add_member(struct ep_invitation *invitation, bool *replaced,
                                              struct ep_node *node,
                                              const struct ep_new_member *wanted,
                                              struct ep_error *err);

/* It contributes no more. with_tracks  what it brought is deleted, at all nodes; *deleted grows by
 * how many. EP_NOT_FOUND  it is not known. As ep_log_delete. */
EP_MUST_USE enum ep_status ep_node_remove_member(uint64_t *deleted, struct ep_node *node,
                                                 const char *name, bool with_tracks,
                                                 struct ep_error *err);

/* Sets how many tracks and bytes it may have, and fills peer as it is then; 0: as before.
 * EP_NOT_FOUND  it is not known. EP_CORRUPT, EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_node_limit_member(struct ep_peer *peer, struct ep_node *node,
                                                const char *name, uint64_t tracks_max,
                                                uint64_t bytes_max, struct ep_error *err);

#endif
