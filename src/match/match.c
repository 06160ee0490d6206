#include "match/match.h"

#include "index/collect.h"
#include "match/copy.h"
#include "match/rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Candidates that the index is asked for. */
#define CANDIDATES_MAX 64

/* Candidates of one search that are weighed: at most and at least; and until it is known whether
 * the decision is plain, at most and at least. */
#define WEIGHED_MAX 16
#define WEIGHED_MIN 3
#define WEIGHED_PLAIN 4
#define WEIGHED_FIRST 2

/* Candidates are weighed as long as the index gives them this share of the first one's score. The
 * decision is plain where another song than the best was weighed, and the score is SCORE_PLAIN or
 * more. Where it is narrow, accepted with a score below SCORE_SURE, all are weighed that there is
 * room for, so that no other song is overlooked. */
#define SCORE_SHARE 0.5f
#define SCORE_PLAIN 100
#define SCORE_SURE 80

#define UNIT_S 0.023

/* A candidate that was read from the log and weighed. */
struct weighed {
	uint64_t position;
	struct ep_evidence evidence;
	struct ep_sketch sketch;
};

struct ep_matcher {
	struct ep_sketcher *sketcher;
	struct ep_codes_coder *coder;
	struct ep_searcher *searcher;
	struct ep_weigher *weigher;
	struct ep_decoded decoded;
	struct ep_sketch query;
	struct ep_probe probe;
	struct ep_candidate candidates[CANDIDATES_MAX];
	size_t candidate_count;
	size_t candidate_next; /* the first that has not been weighed */
	size_t candidate_weighed; /* how many before it were weighed, not being gone */
	struct weighed weighed[WEIGHED_PLAIN + WEIGHED_MAX]; /* of both searches */
	size_t weighed_count;
	struct ep_buffer texts; /* of the answer */
};

enum ep_status
ep_matcher_new(struct ep_matcher **out, struct ep_error *err)
{
	EP_OWNED(ep_matcher_free)
	struct ep_matcher *matcher = calloc(1, sizeof *matcher);
	if (!matcher)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a match");
	EP_TRY(ep_sketcher_new(&matcher->sketcher, err));
	EP_TRY(ep_codes_coder_new(&matcher->coder, EP_CODES_ONSET, err));
	EP_TRY(ep_searcher_new(&matcher->searcher, err));
	EP_TRY(ep_weigher_new(&matcher->weigher, err));
	*out = EP_TAKE(matcher);
	return EP_OK;
}

void
ep_matcher_free(struct ep_matcher *matcher)
{
	if (!matcher)
		return;
	ep_sketcher_free(matcher->sketcher);
	ep_codes_coder_free(matcher->coder);
	ep_searcher_free(matcher->searcher);
	ep_weigher_free(matcher->weigher);
	ep_decoded_free(&matcher->decoded);
	ep_sketch_free(&matcher->query);
	for (size_t i = 0; i < WEIGHED_PLAIN + WEIGHED_MAX; i++)
		ep_sketch_free(&matcher->weighed[i].sketch);
	ep_buffer_free(&matcher->texts);
	free(matcher);
}

/* Cuts pairs, which are sorted, to their first minute, counted from 0; *start is its first time. */
static void
cut(uint32_t *start, struct ep_pairs *pairs)
{
	size_t count = 0;
	*start = pairs->count ? pairs->items[0].time : 0;
	while (count < pairs->count && count < EP_PROBE_PAIRS_MAX &&
	       pairs->items[count].time - *start <= EP_QUERY_TIMES) {
		pairs->items[count].time -= *start;
		count++;
	}
	pairs->count = count;
}

static bool
is_weighed(const struct ep_matcher *matcher, uint64_t position)
{
	for (size_t i = 0; i < matcher->weighed_count; i++) {
		if (matcher->weighed[i].position == position)
			return true;
	}
	return false;
}

/* Reads a candidate from the log and weighs it, unless an earlier search has already given it.
 * EP_NOT_FOUND  it is gone. */
static enum ep_status
weigh(struct ep_matcher *matcher, struct ep_index *index, uint64_t position, struct ep_error *err)
{
	struct weighed *weighed = &matcher->weighed[matcher->weighed_count];
	struct ep_entry entry;
	if (is_weighed(matcher, position))
		return EP_OK;
	enum ep_status status = ep_index_entry_at(&entry, index, position, err);
	if (status == EP_OK && entry.operation != EP_PUT)
		return EP_NOT_FOUND;
	if (status != EP_OK)
		return status;
	EP_TRY(ep_entry_sketch(&weighed->sketch, &matcher->decoded, &entry, matcher->coder, err));
	EP_TRY(ep_weigh(&weighed->evidence, matcher->weigher, &matcher->probe, &matcher->query,
	                &weighed->sketch, err));
	weighed->position = position;
	matcher->weighed_count++;
	return EP_OK;
}

/* Weighs the next candidates: at least min and, up to max, all that have at least SCORE_SHARE of
 * the first one's score. */
static enum ep_status
weigh_candidates(struct ep_matcher *matcher, struct ep_index *index, size_t min, size_t max,
                 struct ep_error *err)
{
	float least = matcher->candidate_count ? matcher->candidates[0].score * SCORE_SHARE : 0;
	while (matcher->candidate_next < matcher->candidate_count &&
	       matcher->candidate_weighed < max) {
		const struct ep_candidate *next = &matcher->candidates[matcher->candidate_next];
		if (matcher->candidate_weighed >= min && next->score < least)
			return EP_OK;
		matcher->candidate_next++;
		enum ep_status status = weigh(matcher, index, next->position, err);
		if (status == EP_NOT_FOUND)
			continue;
		EP_TRY(status);
		matcher->candidate_weighed++;
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

static const struct weighed *
find_best(const struct ep_matcher *matcher)
{
	const struct weighed *best = NULL;
	for (size_t i = 0; i < matcher->weighed_count; i++) {
		if (is_better(&matcher->weighed[i], best))
			best = &matcher->weighed[i];
	}
	return best;
}

/* The best that is another song. */
static const struct weighed *
find_second(const struct ep_matcher *matcher, const struct weighed *best)
{
	const struct weighed *second = NULL;
	for (size_t i = 0; i < matcher->weighed_count; i++) {
		const struct weighed *item = &matcher->weighed[i];
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

static enum ep_status
keep_text(size_t *at, struct ep_buffer *texts, struct ep_text text, struct ep_error *err)
{
	*at = texts->size;
	return ep_buffer_append(texts, text.at, text.size, err);
}

enum ep_status
ep_match_name(struct ep_answer *answer, struct ep_matcher *matcher, const struct ep_entry *entry,
              struct ep_error *err)
{
	struct ep_bytes codes;
	size_t at[4];
	EP_TRY(ep_entry_rows(&matcher->decoded, &codes, entry, err));
	const struct ep_document *row = &matcher->decoded.track.documents[0];
	struct ep_text texts[] = { entry->id, row->artist, row->release, row->track };
	struct ep_text *named[] = { &answer->track_id, &answer->artist, &answer->release,
		                    &answer->track };
	matcher->texts.size = 0;
	for (int i = 0; i < 4; i++)
		EP_TRY(keep_text(&at[i], &matcher->texts, texts[i], err));
	for (int i = 0; i < 4; i++)
		*named[i] = (struct ep_text){ (const char *)matcher->texts.data + at[i],
			                      texts[i].size };
	return EP_OK;
}

/* Fills the evidence and the score of an answer, that of the query itself being there; gives the
 * best, of what has been weighed: one candidate or more. */
static const struct weighed *
judge(struct ep_answer *answer, const struct ep_matcher *matcher)
{
	const struct weighed *best = find_best(matcher);
	const struct weighed *second = find_second(matcher, best);
	answer->best = best->evidence;
	answer->second = second ? second->evidence : (struct ep_evidence){ 0 };
	answer->score = ep_rule_score(&answer->best, &answer->second, &answer->self);
	return best;
}

/* Whether another song than the best was weighed and the score is so high that nothing more needs
 * to be looked at. */
static bool
is_plain(const struct ep_answer *answer)
{
	return answer->second.codes >= 1 && answer->score >= SCORE_PLAIN;
}

/* Searches and weighs the first candidates. *best is NULL where there are none. */
static enum ep_status
search(const struct weighed **best, struct ep_answer *answer, struct ep_matcher *matcher,
       struct ep_index *index, enum ep_search_effort effort, struct ep_error *err)
{
	EP_TRY(ep_search(matcher->candidates, &matcher->candidate_count, CANDIDATES_MAX,
	                 matcher->searcher, index, &matcher->probe, effort, err));
	answer->lists += matcher->probe.lists;
	answer->hits += matcher->probe.hits;
	matcher->candidate_next = 0;
	matcher->candidate_weighed = 0;
	EP_TRY(weigh_candidates(matcher, index, WEIGHED_FIRST, WEIGHED_PLAIN, err));
	*best = matcher->weighed_count ? judge(answer, matcher) : NULL;
	return EP_OK;
}

/* Makes the first search and, if the decision is not plain, the full one. If it is still not plain,
 * more candidates are weighed. */
static enum ep_status
decide(const struct weighed **best, struct ep_answer *answer, struct ep_matcher *matcher,
       struct ep_index *index, struct ep_error *err)
{
	matcher->weighed_count = 0;
	EP_TRY(search(best, answer, matcher, index, EP_SEARCH_FIRST, err));
	if (!is_plain(answer) && matcher->probe.cut)
		EP_TRY(search(best, answer, matcher, index, EP_SEARCH_FULL, err));
	if (!*best || is_plain(answer))
		return EP_OK;
	EP_TRY(weigh_candidates(matcher, index, WEIGHED_MIN, WEIGHED_MAX, err));
	*best = judge(answer, matcher);
	if (answer->score >= EP_SCORE_ACCEPTED && answer->score < SCORE_SURE) {
		EP_TRY(weigh_candidates(matcher, index, WEIGHED_MAX, WEIGHED_MAX, err));
		*best = judge(answer, matcher);
	}
	return EP_OK;
}

enum ep_status
ep_match(struct ep_answer *answer, struct ep_matcher *matcher, struct ep_index *index,
         struct ep_pairs *pairs, struct ep_error *err)
{
	uint32_t start;
	*answer = (struct ep_answer){ 0 };
	EP_TRY(ep_pairs_sort(pairs->items, pairs->count, err));
	cut(&start, pairs);
	if (pairs->count < EP_QUERY_PAIRS_MIN)
		return EP_OK;
	EP_TRY(ep_sketch_of_pairs(&matcher->query, matcher->sketcher, pairs->items, pairs->count,
	                          err));
	ep_probe_fill(&matcher->probe, &matcher->query);
	EP_TRY(ep_weigh_self(&answer->self, matcher->weigher, &matcher->probe, &matcher->query,
	                     err));
	const struct weighed *best;
	EP_TRY(decide(&best, answer, matcher, index, err));
	answer->type = 4;
	if (!best) {
		answer->self = (struct ep_evidence){ 0 };
		return EP_OK;
	}
	answer->tracks = (uint32_t)matcher->weighed_count;
	answer->match = answer->score >= EP_SCORE_ACCEPTED;
	answer->type = answer->match ? 6 : 7;
	if (!answer->match)
		return EP_OK;
	answer->offset_s = (double)(best->evidence.offset - (int64_t)start) * UNIT_S;
	/* So that nobody prints -0.0. */
	if (answer->offset_s > -0.05 && answer->offset_s < 0.05)
		answer->offset_s = 0;
	struct ep_entry entry;
	EP_TRY(ep_index_entry_at(&entry, index, best->position, err));
	return ep_match_name(answer, matcher, &entry, err);
}
