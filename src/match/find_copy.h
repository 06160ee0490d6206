/* find_copy.h - which track of the database a track is a copy of, or none
 *
 * A minute of its middle is looked for in the index, as a query is; the best tracks that come
 * before it are laid on it from end to end (copy.h).
 */
#ifndef EP_MATCH_FIND_COPY_H
#define EP_MATCH_FIND_COPY_H

#include "index/search.h"
#include "match/copy.h"

enum ep_dedup {
	EP_DEDUP_BY_ROLE, /* as the room dedup decides; not for ep_find_copy */
	EP_DEDUP_OFF,
	EP_DEDUP_EXACT, /* the same codes */
	EP_DEDUP_BETWEEN, /* and other encodings of what another source brought */
	EP_DEDUP_MATCH /* and other encodings of anything */
};

/* A copy that was found. */
struct ep_found_copy {
	uint64_t position; /* of the other track */
	struct ep_text id; /* of the other track, borrowed from the index */
	uint32_t source; /* who brought that */
	struct ep_revision contents; /* of that, as they were compared */
	struct ep_revision own_contents; /* of the track itself */
	enum ep_copy_kind kind;
	struct ep_alignment alignment; /* the track's time 0 is the other's time offset */
};

/* Scratch memory of one thread. */
struct ep_copy_finder;
EP_MUST_USE enum ep_status ep_copy_finder_new(struct ep_copy_finder **out, struct ep_error *err);
void ep_copy_finder_free(struct ep_copy_finder *finder);
EP_DEFINE_OWNED(struct ep_copy_finder, ep_copy_finder_free)

/* Looks for the track, other than itself and below its position, that an entry is a copy of: of
 * several that with the same codes, else the closest. An entry with too few codes is no copy.
 *
 * how   EP_DEDUP_EXACT finds those with the same codes only.
 * EP_NOT_FOUND  there is none. EP_CORRUPT, EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_find_copy(struct ep_found_copy *found, struct ep_copy_finder *finder,
                                        struct ep_index *index, const struct ep_entry *entry,
                                        enum ep_dedup how, struct ep_error *err);

/* The link that a found copy stands for; its original is found->id. */
void ep_found_link(struct ep_link *link, const struct ep_found_copy *found);

/* How two entries lie on each other, whether or not it is enough for a copy; for links by hand.
 * found->kind is EP_COPY_EXACT where they have the same codes. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_compare_tracks(struct ep_found_copy *found,
                                             struct ep_copy_finder *finder,
                                             const struct ep_entry *entry,
                                             const struct ep_entry *other, struct ep_error *err);

#endif
