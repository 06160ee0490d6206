/* copies.h - one song once: links copies to what they are copies of, as a follower of the log
 *
 * What came behind the watermark, in order of position: each track is compared with those before
 * it. So copies in one file, in several, and of several sources find each other. What a master sent
 * is its own to decide: of its songs none is linked, but of one of this node and one of the
 * master's, that of this node is the copy.
 *
 * Several look for copies on one node, commands and `serve`, and move one watermark: what is linked
 * must not depend on who comes first. So what the user asked for the tracks of a command is
 * remembered with them (requests.h), and what nobody asked for is decided here alone, by the role
 * of the node: a master, where the songs of several sources meet, links exact copies and matches
 * between sources; a slave links exact copies.
 */
#ifndef EP_DEDUP_COPIES_H
#define EP_DEDUP_COPIES_H

#include "store/log.h"

#include <stdatomic.h>

struct ep_copies_options {
	const atomic_bool *stop; /* may be NULL */
	void (*on_progress)(void *context, uint64_t position, uint64_t last); /* may be NULL */
	void *context;
};

struct ep_copies_report {
	uint64_t tracks; /* linked */
	uint64_t documents; /* of these, but for copies that are linked again as they were */
};

/* Follows up to the end of the log; the index must have come there before. EP_INTERRUPTED,
 * EP_CORRUPT, EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_link_copies(struct ep_copies_report *report, struct ep_log *log,
                                          const struct ep_copies_options *options,
                                          struct ep_error *err);

/* Looks through the whole log, with EP_DEDUP_MATCH, and tells of what would be linked, without
 * changing anything.
 * each  told the id of every copy and the link that it would get, in order of position. As
 * ep_link_copies. */
EP_MUST_USE enum ep_status
ep_check_copies(struct ep_log *log, const struct ep_copies_options *options,
                enum ep_status (*each)(void *context, struct ep_text copy,
                                       const struct ep_link *link, struct ep_error *err),
                void *each_context, struct ep_error *err);

#endif
