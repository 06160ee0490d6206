/* search.h - the tracks that a query may be from
 *
 *     how many postings each key of the query has -> those that tell the most for their number, up
 *       to a budget -> a count for each stretch of slots that a query may begin in
 *       -> the best stretches -> their hits, slot by slot -> candidates
 *
 * A hit is a posting and a time of its key in the query; where it says that the query begins is its
 * diagonal. Hits of the true track share one; others are spread over all tracks and times. In a
 * small index whole codes are read; the larger it is, the more only those of their postings that
 * agree in one more onset, the rarest first. So a search takes about as long in any index.
 */
#ifndef EP_INDEX_SEARCH_H
#define EP_INDEX_SEARCH_H

#include "index/index.h"
#include "index/probe.h"

/* How far a search goes. Each effort reads a fixed number of hits, however large the index is; only
 * the full one reads more in a very large index. A glance tells which of several forms of a query
 * is worth a search. The first effort suffices for most queries; the full one is for queries that
 * it does not decide, and for finding copies of a track. */
enum ep_search_effort {
	EP_SEARCH_GLANCE,
	EP_SEARCH_FIRST,
	EP_SEARCH_FULL,
};

struct ep_candidate {
	uint64_t position; /* of the track in the log; it may be gone from there */
	float score; /* bits of its distinct keys on the best diagonal */
};

/* Scratch memory of one thread. */
struct ep_searcher;
EP_MUST_USE enum ep_status ep_searcher_new(struct ep_searcher **out, struct ep_error *err);
void ep_searcher_free(struct ep_searcher *searcher);
EP_DEFINE_OWNED(struct ep_searcher, ep_searcher_free)

/* Fills candidates[0..*count), at most max, best first and, of equal ones, by position; and what
 * the probe says of a search. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_search(struct ep_candidate *candidates, size_t *count, size_t max,
                                     struct ep_searcher *searcher, const struct ep_index *index,
                                     struct ep_probe *probe, enum ep_search_effort effort,
                                     struct ep_error *err);

#endif
