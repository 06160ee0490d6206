#include "match/compare.h"

#include "index/collect.h"
#include "match/copy.h"

#include <stdlib.h>

/* Candidates that the index is asked for. */
#define CANDIDATES_MAX 64

/* Candidates of one search that are weighed: at most and at least; and until it is known whether
 * the decision is plain, at most and at least. */
#define WEIGHED_MAX 16
#define WEIGHED_MIN 3
#define WEIGHED_PLAIN 4
#define WEIGHED_FIRST 2

/* Candidates are weighed as long as their score is a large enough share of the first one's. The
 * decision is plain where another song than the best was weighed, and the score is SCORE_PLAIN or
 * more. Where it is narrow, accepted with a score below SCORE_SURE, all are weighed that there is
 * room for, so that no other song is overlooked. */
#define SCORE_PLAIN 85
#define SCORE_SURE 80

/* A candidate that was read from the log and weighed. */
struct weighed {
	uint64_t position;
	struct ep_evidence evidence;
	struct ep_evidence elsewhere;
	bool has_elsewhere; /* whether that is known */
	struct ep_sketch sketch;
};

struct ep_comparer {
	struct ep_codes_coder *coder;
	struct ep_weigher *weigher;
	struct ep_decoded decoded;
	const struct ep_sketch *query; /* while it is compared */
	struct ep_probe probe;
	struct ep_candidate candidates[CANDIDATES_MAX];
	size_t candidate_count;
	size_t candidate_next; /* the first that has not been weighed */
	size_t candidate_weighed; /* how many before it were weighed, not being gone */
	struct weighed weighed[WEIGHED_PLAIN + WEIGHED_MAX]; /* of both searches */
	size_t weighed_count;
};

enum ep_status
ep_comparer_new(struct ep_comparer **out, struct ep_error *err)
{
	EP_OWNED(ep_comparer_free)
	struct ep_comparer *comparer = calloc(1, sizeof *comparer);
	if (!comparer)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a match");
	EP_TRY(ep_codes_coder_new(&comparer->coder, EP_CODES_ONSET, err));
	EP_TRY(ep_weigher_new(&comparer->weigher, err));
	*out = EP_TAKE(comparer);
	return EP_OK;
}

void
ep_comparer_free(struct ep_comparer *comparer)
{
	if (!comparer)
		return;
	ep_codes_coder_free(comparer->coder);
	ep_weigher_free(comparer->weigher);
	ep_decoded_free(&comparer->decoded);
	for (size_t i = 0; i < WEIGHED_PLAIN + WEIGHED_MAX; i++)
		ep_sketch_free(&comparer->weighed[i].sketch);
	free(comparer);
}

static bool
is_weighed(const struct ep_comparer *comparer, uint64_t position)
{
	for (size_t i = 0; i < comparer->weighed_count; i++) {
		if (comparer->weighed[i].position == position)
			return true;
	}
	return false;
}

/* Reads a candidate from the log and weighs it, unless an earlier search has already given it.
 * EP_NOT_FOUND  it is gone. */
static enum ep_status
weigh(struct ep_comparer *comparer, const struct ep_engine *engine, uint64_t position,
      struct ep_error *err)
{
	struct weighed *weighed = &comparer->weighed[comparer->weighed_count];
	struct ep_entry entry;
	if (is_weighed(comparer, position))
		return EP_OK;
	enum ep_status status = engine->entry_at(engine->context, &entry, position, err);
	if (status == EP_OK && entry.operation != EP_PUT)
		return EP_NOT_FOUND;
	if (status != EP_OK)
		return status;
	EP_TRY(ep_entry_sketch(&weighed->sketch, &comparer->decoded, &entry, comparer->coder, err));
	EP_TRY(ep_weigh(&weighed->evidence, comparer->weigher, &comparer->probe, comparer->query,
	                &weighed->sketch, err));
	weighed->position = position;
	weighed->has_elsewhere = false;
	comparer->weighed_count++;
	return EP_OK;
}

/* Weighs the next candidates: at least min and, up to max, all that have the engine's share of
 * the first one's score. */
static enum ep_status
weigh_candidates(struct ep_comparer *comparer, const struct ep_engine *engine, size_t min,
                 size_t max, struct ep_error *err)
{
	float least = comparer->candidate_count ? comparer->candidates[0].score * engine->share : 0;
	while (comparer->candidate_next < comparer->candidate_count &&
	       comparer->candidate_weighed < max) {
		const struct ep_candidate *next = &comparer->candidates[comparer->candidate_next];
		if (comparer->candidate_weighed >= min && next->score < least)
			return EP_OK;
		comparer->candidate_next++;
		enum ep_status status = weigh(comparer, engine, next->position, err);
		if (status == EP_NOT_FOUND)
			continue;
		EP_TRY(status);
		comparer->candidate_weighed++;
	}
	return EP_OK;
}

/* Whether one has more codes than other, which may be NULL; of equal ones, whether it came into the
 * log before. */
static bool
is_better(const struct weighed *one, const struct weighed *other)
{
	if (!other || one->evidence.codes > other->evidence.codes)
		return true;
	return one->evidence.codes >= other->evidence.codes && one->position < other->position;
}

static struct weighed *
find_best(struct ep_comparer *comparer)
{
	struct weighed *best = NULL;
	for (size_t i = 0; i < comparer->weighed_count; i++) {
		if (is_better(&comparer->weighed[i], best))
			best = &comparer->weighed[i];
	}
	return best;
}

/* The best that is another song. */
static const struct weighed *
find_second(const struct ep_comparer *comparer, const struct weighed *best)
{
	const struct weighed *second = NULL;
	for (size_t i = 0; i < comparer->weighed_count; i++) {
		const struct weighed *item = &comparer->weighed[i];
		if (item == best || !is_better(item, second))
			continue;
		struct ep_alignment alignment;
		ep_align(&alignment, &best->sketch, &item->sketch,
		         item->evidence.offset - best->evidence.offset);
		if (!ep_alignment_is_common(&alignment))
			second = item;
	}
	return second;
}

/* Fills the verdict on what has been weighed; the query's evidence against itself is there. */
static enum ep_status
judge(struct ep_verdict *verdict, struct ep_comparer *comparer, struct ep_error *err)
{
	struct weighed *best = find_best(comparer);
	verdict->found = best != NULL;
	if (!best)
		return EP_OK;
	const struct weighed *second = find_second(comparer, best);
	if (!best->has_elsewhere)
		EP_TRY(ep_weigh_elsewhere(&best->elsewhere, comparer->weigher, &comparer->probe,
		                          comparer->query, &best->sketch, best->evidence.offset,
		                          err));
	best->has_elsewhere = true;
	verdict->position = best->position;
	verdict->second_position = second ? second->position : 0;
	verdict->comparison.best = best->evidence;
	verdict->comparison.elsewhere = best->elsewhere;
	verdict->comparison.second = second ? second->evidence : (struct ep_evidence){ 0 };
	verdict->score = ep_rule_score(&verdict->comparison);
	return EP_OK;
}

/* Whether another song than the best was weighed and the score is so high that nothing more needs
 * to be looked at. */
static bool
is_plain(const struct ep_verdict *verdict)
{
	return verdict->comparison.second.codes >= 1 && verdict->score >= SCORE_PLAIN;
}

/* Searches and weighs the first candidates. */
static enum ep_status
search(struct ep_verdict *verdict, struct ep_read *read, struct ep_comparer *comparer,
       const struct ep_engine *engine, enum ep_search_effort effort, struct ep_error *err)
{
	EP_TRY(engine->search(engine->context, comparer->candidates, &comparer->candidate_count,
	                      CANDIDATES_MAX, &comparer->probe, effort, err));
	read->lists += comparer->probe.lists;
	read->hits += comparer->probe.hits;
	comparer->candidate_next = 0;
	comparer->candidate_weighed = 0;
	EP_TRY(weigh_candidates(comparer, engine, WEIGHED_FIRST, WEIGHED_PLAIN, err));
	return judge(verdict, comparer, err);
}

/* Looks further if the first search did not give a plain decision: makes the full search and, if
 * that is not enough, weighs more candidates. */
static enum ep_status
look_further(struct ep_verdict *verdict, struct ep_read *read, struct ep_comparer *comparer,
             const struct ep_engine *engine, struct ep_error *err)
{
	if (!is_plain(verdict) && comparer->probe.cut)
		EP_TRY(search(verdict, read, comparer, engine, EP_SEARCH_FULL, err));
	if (is_plain(verdict))
		return EP_OK;
	EP_TRY(weigh_candidates(comparer, engine, WEIGHED_MIN, WEIGHED_MAX, err));
	EP_TRY(judge(verdict, comparer, err));
	if (verdict->score < EP_SCORE_ACCEPTED || verdict->score >= SCORE_SURE)
		return EP_OK;
	EP_TRY(weigh_candidates(comparer, engine, WEIGHED_MAX, WEIGHED_MAX, err));
	return judge(verdict, comparer, err);
}

enum ep_status
ep_compare(struct ep_verdict *verdict, struct ep_read *read, struct ep_comparer *comparer,
           const struct ep_engine *engine, const struct ep_sketch *query, bool quick,
           struct ep_error *err)
{
	*verdict = (struct ep_verdict){ 0 };
	comparer->query = query;
	comparer->weighed_count = 0;
	ep_probe_fill(&comparer->probe, query);
	verdict->comparison.query_codes = (float)comparer->probe.code_count;
	EP_TRY(ep_weigh_self(&verdict->comparison.self, comparer->weigher, &comparer->probe, query,
	                     err));
	EP_TRY(search(verdict, read, comparer, engine, EP_SEARCH_FIRST, err));
	if (!quick)
		EP_TRY(look_further(verdict, read, comparer, engine, err));
	read->tracks += (uint32_t)comparer->weighed_count;
	return EP_OK;
}

enum ep_status
ep_glance(float *score, struct ep_read *read, struct ep_comparer *comparer,
          const struct ep_engine *engine, const struct ep_sketch *query, struct ep_error *err)
{
	ep_probe_fill_best(&comparer->probe, query);
	EP_TRY(engine->search(engine->context, comparer->candidates, &comparer->candidate_count, 1,
	                      &comparer->probe, EP_SEARCH_GLANCE, err));
	read->lists += comparer->probe.lists;
	read->hits += comparer->probe.hits;
	*score = comparer->candidate_count ? comparer->candidates[0].score : 0;
	return EP_OK;
}
