/* copies.h - one song once: links copies to what they are copies of, as a follower of the log
 *
 * What came behind the watermark, in order of position: each track is compared with those before
 * it. So copies in one file, in several, and of several sources find each other. What a master sent
 * is its own to decide: of its songs none is linked, but of one of this node and one of the
 * master's, that of this node is the copy.
 */
#ifndef EP_DEDUP_COPIES_H
#define EP_DEDUP_COPIES_H

#include "match/find_copy.h"
#include "store/log.h"

#include <stdatomic.h>

struct ep_copies_options {
	enum ep_dedup how;
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

/* How copies are found where nobody says otherwise: by a master EP_DEDUP_BETWEEN, as it is where
 * the songs of several sources meet; by a slave EP_DEDUP_EXACT. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_dedup_default(enum ep_dedup *how, struct ep_log *log,
                                            struct ep_error *err);

/* Looks through the whole log, and tells of what would be linked, without changing anything.
 * each  told of every track and what it is a copy of, in order of position. */
EP_MUST_USE enum ep_status
ep_check_copies(struct ep_log *log, const struct ep_copies_options *options,
                enum ep_status (*each)(void *context, const struct ep_entry *copy,
                                       const struct ep_found_copy *found, struct ep_error *err),
                void *each_context, struct ep_error *err);

#endif
