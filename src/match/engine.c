#include "match/engine.h"

/* Scores of an index are of one diagonal: those of other songs are low. */
#define SCORE_SHARE 0.5f

static enum ep_status
search(void *context, struct ep_candidate *candidates, size_t *count, size_t max,
       struct ep_probe *probe, enum ep_search_effort effort, struct ep_error *err)
{
	struct ep_index_engine *of = context;
	return ep_search(candidates, count, max, of->searcher, of->index, probe, effort, err);
}

static enum ep_status
entry_at(void *context, struct ep_entry *entry, uint64_t position, struct ep_error *err)
{
	struct ep_index_engine *of = context;
	return ep_index_entry_at(entry, of->index, position, err);
}

struct ep_engine
ep_engine_of_index(struct ep_index_engine *of)
{
	return (struct ep_engine){ search, entry_at, SCORE_SHARE, of };
}
