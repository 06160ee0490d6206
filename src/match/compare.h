/* compare.h - a query against the tracks of an engine, as far as it takes to decide
 *
 *     search for candidates (search.h) -> each weighed on its whole track (evidence.h)
 *       -> the best, and the best other song -> score (rule.h) -> once more with more, if in doubt
 *
 * Copies of one song, whose codes align with those of the best over what they have in common, count
 * as that song.
 */
#ifndef EP_MATCH_COMPARE_H
#define EP_MATCH_COMPARE_H

#include "match/engine.h"
#include "match/rule.h"

/* What was read: lists of the index, their hits, and tracks of the log. */
struct ep_read {
	uint32_t lists;
	uint64_t hits;
	uint32_t tracks;
};

struct ep_verdict {
	bool found; /* whether there is any candidate; if not, all that follows but the query is 0
	             */
	uint64_t position; /* of the best track in the log */
	uint64_t second_position; /* of the best track of another song; 0: none */
	int score;
	struct ep_comparison comparison;
};

/* Scratch memory of one thread. */
struct ep_comparer;
EP_MUST_USE enum ep_status ep_comparer_new(struct ep_comparer **out, struct ep_error *err);
void ep_comparer_free(struct ep_comparer *comparer);
EP_DEFINE_OWNED(struct ep_comparer, ep_comparer_free)

/* Fills verdict, and adds to read what it took.
 *
 * quick  makes one search and weighs its first candidates, also where that leaves a doubt.
 * EP_CORRUPT, EP_NO_MEMORY, EP_UNREACHABLE  of the engine. */
EP_MUST_USE enum ep_status ep_compare(struct ep_verdict *verdict, struct ep_read *read,
                                      struct ep_comparer *comparer, const struct ep_engine *engine,
                                      const struct ep_sketch *query, bool quick,
                                      struct ep_error *err);

/* Fills the score of the best candidate of a glance (search.h), 0 for none: to choose among forms
 * of a query, not to decide. Adds to read what it took. EP_NO_MEMORY,
 * EP_UNREACHABLE. */
EP_MUST_USE enum ep_status ep_glance(float *score, struct ep_read *read,
                                     struct ep_comparer *comparer, const struct ep_engine *engine,
                                     const struct ep_sketch *query, struct ep_error *err);

#endif
