/* original.h - the decision rule of the system of 2011, for comparison
 *
 * Candidates are the 30 documents with the most distinct codes of the query; times decide among
 * them by a histogram of differences. Two ids of one song make it unfindable, among other things:
 * docs/matching.md. It needs no index: one pass over all documents of the log scores all queries,
 * a second one reads the candidates.
 */
#ifndef EP_MATCH_ORIGINAL_H
#define EP_MATCH_ORIGINAL_H

#include "code/pairs.h"
#include "store/log.h"

#include <stdatomic.h>

#define EP_ORIGINAL_CANDIDATES 30

struct ep_original_answer {
	bool match;
	int type; /* 0: the query is too short */
	uint32_t score; /* the actual score of the best track */
	uint64_t position; /* of the track in the log, where it matches */
};

/* The original's elbow: a query, or a document, of fewer pairs is too short. */
#define EP_ORIGINAL_ELBOW 10

/* A document that has codes of a query. */
struct ep_original_candidate {
	uint64_t position; /* of its track */
	uint32_t number; /* of the document in its track */
	uint32_t score; /* distinct codes of the query that it has */
	uint32_t actual; /* by times; 0 of ep_original_candidates */
};

/* Fills candidates[0..*count) with the documents that have the most distinct codes of a query, best
 * first. The whole query counts; it is sorted by code. As ep_original_match. */
EP_MUST_USE enum ep_status
ep_original_candidates(struct ep_original_candidate candidates[EP_ORIGINAL_CANDIDATES],
                       size_t *count, struct ep_pairs *query, const struct ep_log_read *read,
                       const atomic_bool *stop, struct ep_error *err);

/* Answers queries[0..count) as the original does; of equal candidates that which came into the log
 * first goes first. The queries are changed: cut to a minute from their first time, and sorted.
 *
 * elbow  usually EP_ORIGINAL_ELBOW. stop  may be NULL. EP_INTERRUPTED, EP_CORRUPT, EP_IO,
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_original_match(struct ep_original_answer *answers,
                                             struct ep_pairs *queries, size_t count, uint32_t elbow,
                                             const struct ep_log_read *read,
                                             const atomic_bool *stop, struct ep_error *err);

#endif
