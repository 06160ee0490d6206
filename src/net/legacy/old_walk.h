/* old_walk.h - goes through all documents of an old Solr, also while it is in use
 *
 * Documents come in the order in which the server got them, by date of import: so a log that is
 * filled from it gets that order, and the documents of a track come together. Such a walk counts
 * documents of one date from the front, and could miss one if the server moves others meanwhile. So
 * at the end it compares how many different ones it has seen with how many there are; if these
 * differ, it goes through all ids in their order, which misses nothing, and tells what it had not
 * seen. Documents without a date come then, too.
 */
#ifndef EP_NET_LEGACY_OLD_WALK_H
#define EP_NET_LEGACY_OLD_WALK_H

#include "net/legacy/id_set.h"
#include "net/legacy/old_solr.h"

struct ep_old_walk {
	struct ep_old_solr *solr; /* borrowed */
	struct ep_old_page page;
	size_t at; /* in the page */
	bool by_id; /* the second way */
	struct ep_buffer last; /* date or id of the last document that was read */
	uint64_t of_last; /* documents seen of that date */
	struct ep_buffer query;
	struct ep_id_set seen; /* all ids; sorted at the end */
	size_t different; /* how many that were, at the end */
	uint64_t all; /* documents that the server has, as it said last */
};

/* Begins; solr is borrowed until the end. */
void ep_old_walk_begin(struct ep_old_walk *walk, struct ep_old_solr *solr);
void ep_old_walk_end(struct ep_old_walk *walk);

/* The next document, valid until the next call; NULL at the end. The same document comes twice if
 * the server changed it meanwhile. As ep_old_solr_select; EP_CORRUPT  also where the answers are
 * not in order. */
EP_MUST_USE enum ep_status ep_old_walk_next(const struct ep_old_document **document,
                                            struct ep_old_walk *walk, struct ep_error *err);

#endif
