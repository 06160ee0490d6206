/* edit.h - other names and fields for a track, by the user of this node */
#ifndef EP_NODE_EDIT_H
#define EP_NODE_EDIT_H

#include "node/node.h"

/* What is to be new. A text whose `at` is NULL stays as it is; an empty one is set. */
struct ep_edit {
	struct ep_text artist; /* UTF-8 without NUL, at most 16 MiB each */
	struct ep_text release;
	struct ep_text track;
	const struct ep_field *fields; /* each sets its key, or removes it if its value is empty */
	size_t field_count;
};

/* Changes the names of all documents of a track, and its fields, in one revision and one
 * transaction, after which the index follows. Its codes are not encoded again. Links of the track
 * and to it stay in force, as far as this node may change them (ep_log_renew_links).
 *
 * changed  false: the track was so already, or it failed, and nothing was written. True with a
 *          failure: the change is kept, but the index does not have it yet.
 * id       of the track, not of a document.
 * EP_NOT_FOUND  there is no such track, or it has been deleted. EP_BAD_INPUT  a text or field is
 * not allowed, or the track belongs to the master. As ep_log_put and ep_node_follow_change. */
EP_MUST_USE enum ep_status ep_node_edit(bool *changed, struct ep_node *node, struct ep_text id,
                                        const struct ep_edit *edit, struct ep_error *err);

#endif
