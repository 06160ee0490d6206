/* search.h - the tracks that a query may be from
 *
 *     all lists of the query's codes -> the rarest and most telling of them, up to a budget
 *       -> a count for each stretch of slots that a query may begin in -> the best stretches
 *       -> their hits, slot by slot -> candidates
 *
 * A hit is a posting and a time of its code in the query; where it says that the query begins is
 * its diagonal. Hits of the true track share one; others are spread over all tracks and times.
 */
#ifndef EP_INDEX_SEARCH_H
#define EP_INDEX_SEARCH_H

#include "index/index.h"
#include "index/probe.h"

/* Postings that one query reads, however large the index is; in small ones all. At a million
 * documents 60,000 find the same tracks as 400,000 for all but four of 700 excerpts. */
#define EP_SEARCH_BUDGET 120000

struct ep_candidate {
	uint64_t position; /* of the track in the log; it may be gone from there */
	float score; /* bits of its distinct codes on the best diagonal */
};

/* Scratch memory of one thread. */
struct ep_searcher;
EP_MUST_USE enum ep_status ep_searcher_new(struct ep_searcher **out, struct ep_error *err);
void ep_searcher_free(struct ep_searcher *searcher);
EP_DEFINE_OWNED(struct ep_searcher, ep_searcher_free)

/* Fills candidates[0..*count), at most max, best first and, of equal ones, by position; and the
 * bits and postings of all codes of the probe, and the bits of those that were chosen.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_search(struct ep_candidate *candidates, size_t *count, size_t max,
                                     struct ep_searcher *searcher, const struct ep_index *index,
                                     struct ep_probe *probe, struct ep_error *err);

#endif
