/* engine.h - where the candidates of a query come from, and their entries
 *
 * Usually that is the index of a data folder. Another engine finds candidates elsewhere; the same
 * evidence and the same rule decide on them.
 */
#ifndef EP_MATCH_ENGINE_H
#define EP_MATCH_ENGINE_H

#include "index/search.h"

/* What engines do. One is used by one thread at a time. */
struct ep_engine {
	/* Fills candidates[0..*count), at most max, best first, and what the probe says of a
	 * search, as ep_search does. EP_UNREACHABLE  the engine does not answer, or not for all
	 * tracks: nobody knows whether there is a match. */
	enum ep_status (*search)(void *context, struct ep_candidate *candidates, size_t *count,
	                         size_t max, struct ep_probe *probe, enum ep_search_effort effort,
	                         struct ep_error *err);
	/* The entry of a candidate of the last search; borrowed until the next call. EP_NOT_FOUND
	 * it is gone. EP_UNREACHABLE, EP_CORRUPT, EP_NEWER. */
	enum ep_status (*entry_at)(void *context, struct ep_entry *entry, uint64_t position,
	                           struct ep_error *err);
	/* Candidates with less than this share of the first one's score are not worth weighing. */
	float share;
	void *context;
};

/* Who makes engines other than the index: one for each thread that asks. */
struct ep_engines {
	/* Makes one. EP_IO, EP_NO_MEMORY. */
	enum ep_status (*make)(void *context, struct ep_engine *engine, struct ep_error *err);
	void (*free)(struct ep_engine *engine); /* accepts a zeroed one */
	void *context;
};

/* The engine of an index: both are borrowed as long as it is used. */
struct ep_index_engine {
	struct ep_index *index;
	struct ep_searcher *searcher;
};
struct ep_engine ep_engine_of_index(struct ep_index_engine *of);

#endif
