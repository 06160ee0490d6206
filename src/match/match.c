#include "match/match.h"

#include "index/collect.h"
#include "match/speeds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_S 0.023

const struct ep_match_speeds ep_match_speeds_default = { EP_SPEED_OWN, EP_SPEED_USUAL };

struct ep_match_speeds
ep_match_speeds_from(double first)
{
	return (struct ep_match_speeds){ .first = (uint32_t)lround(first * EP_SPEED_OWN),
		                         .most = ep_match_speeds_default.most };
}

struct ep_match_speeds
ep_match_speeds_within(double percent)
{
	return (struct ep_match_speeds){ .first = EP_SPEED_OWN,
		                         .most = (uint32_t)lround(percent * EP_SPEED_OWN / 100) };
}

struct ep_matcher {
	struct ep_sketcher *sketcher;
	struct ep_comparer *comparer;
	struct ep_searcher *searcher;
	struct ep_decoded decoded;
	struct ep_sketch query;
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
	EP_TRY(ep_comparer_new(&matcher->comparer, err));
	EP_TRY(ep_searcher_new(&matcher->searcher, err));
	*out = EP_TAKE(matcher);
	return EP_OK;
}

void
ep_matcher_free(struct ep_matcher *matcher)
{
	if (!matcher)
		return;
	ep_sketcher_free(matcher->sketcher);
	ep_comparer_free(matcher->comparer);
	ep_searcher_free(matcher->searcher);
	ep_decoded_free(&matcher->decoded);
	ep_sketch_free(&matcher->query);
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
	size_t at[5];
	EP_BUFFER struct ep_buffer fields = { 0 };
	EP_TRY(ep_entry_rows(&matcher->decoded, &codes, entry, err));
	const struct ep_track *track = &matcher->decoded.track;
	const struct ep_document *row = &track->documents[0];
	if (track->fields.count)
		EP_TRY(ep_fields_write(&fields, &track->fields, err));
	struct ep_text texts[] = { entry->id, row->artist, row->release, row->track,
		                   ep_buffer_text(&fields) };
	struct ep_text *named[] = { &answer->track_id, &answer->artist, &answer->release,
		                    &answer->track, &answer->fields };
	answer->length_s = ep_length_seconds(row->length);
	matcher->texts.size = 0;
	for (int i = 0; i < 5; i++)
		EP_TRY(keep_text(&at[i], &matcher->texts, texts[i], err));
	for (int i = 0; i < 5; i++)
		*named[i] = (struct ep_text){ (const char *)matcher->texts.data + at[i],
			                      texts[i].size };
	return EP_OK;
}

enum ep_status
ep_match_name_at(struct ep_answer *answer, struct ep_matcher *matcher, struct ep_index *index,
                 uint64_t position, struct ep_error *err)
{
	struct ep_entry entry;
	EP_TRY(ep_index_entry_at(&entry, index, position, err));
	if (entry.operation != EP_PUT)
		return ep_fail(err, EP_NOT_FOUND, "the track at position %llu is gone",
		               (unsigned long long)position);
	return ep_match_name(answer, matcher, &entry, err);
}

/* Compares the query at the speed that is tried first, at its own, and at others, until something
 * is accepted. If nothing is, verdict is that at its own speed. */
static enum ep_status
compare(struct ep_verdict *verdict, uint32_t *speed, struct ep_read *read,
        struct ep_matcher *matcher, const struct ep_engine *engine,
        const struct ep_match_speeds *speeds, struct ep_error *err)
{
	struct ep_verdict other;
	struct ep_speed_tools tools = { matcher->comparer, matcher->sketcher, &matcher->query,
		                        engine, read };
	enum ep_status status;
	*speed = speeds->first;
	if (*speed != EP_SPEED_OWN) {
		status = ep_speed_compare(verdict, &tools, *speed, false, err);
		if (status == EP_OK && verdict->score >= EP_SCORE_ACCEPTED)
			return EP_OK;
		if (status == EP_OK)
			status = ep_sketch_at_speed(&matcher->query, matcher->sketcher,
			                            EP_SPEED_OWN, err);
		if (status != EP_OK && status != EP_NOT_FOUND)
			return status;
	}
	*speed = EP_SPEED_OWN;
	EP_TRY(ep_compare(verdict, read, matcher->comparer, engine, &matcher->query, false, err));
	if (verdict->score >= EP_SCORE_ACCEPTED || speeds->most == 0)
		return EP_OK;
	status = ep_speeds_try(&other, speed, &tools, speeds->most, err);
	if (status == EP_OK)
		*verdict = other;
	else
		*speed = EP_SPEED_OWN;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

enum ep_status
ep_match_by(struct ep_answer *answer, struct ep_matcher *matcher, const struct ep_engine *engine,
            struct ep_pairs *pairs, const struct ep_match_speeds *speeds, struct ep_error *err)
{
	uint32_t start;
	uint32_t speed;
	struct ep_verdict verdict;
	*answer = (struct ep_answer){ .speed = 1 };
	EP_TRY(ep_pairs_sort(pairs->items, pairs->count, err));
	cut(&start, pairs);
	if (pairs->count < EP_QUERY_PAIRS_MIN)
		return EP_OK;
	EP_TRY(ep_sketch_of_pairs(&matcher->query, matcher->sketcher, pairs->items, pairs->count,
	                          err));
	EP_TRY(compare(&verdict, &speed, &answer->read, matcher, engine, speeds, err));
	answer->type = 4;
	if (!verdict.found)
		return EP_OK;
	answer->comparison = verdict.comparison;
	answer->score = verdict.score;
	answer->match = answer->score >= EP_SCORE_ACCEPTED;
	answer->type = answer->match ? 6 : 7;
	answer->speed = (double)speed / EP_SPEED_OWN;
	answer->best_position = verdict.position;
	answer->second_position = verdict.second_position;
	answer->best_offset_s =
		((double)verdict.comparison.best.offset - start * answer->speed) * UNIT_S;
	if (!answer->match)
		return EP_OK;
	answer->offset_s = answer->best_offset_s;
	/* So that nobody prints -0.0. */
	if (answer->offset_s > -0.05 && answer->offset_s < 0.05)
		answer->offset_s = 0;
	struct ep_entry entry;
	EP_TRY(engine->entry_at(engine->context, &entry, verdict.position, err));
	return ep_match_name(answer, matcher, &entry, err);
}

enum ep_status
ep_match(struct ep_answer *answer, struct ep_matcher *matcher, struct ep_index *index,
         struct ep_pairs *pairs, const struct ep_match_speeds *speeds, struct ep_error *err)
{
	struct ep_index_engine of = { index, matcher->searcher };
	struct ep_engine engine = ep_engine_of_index(&of);
	return ep_match_by(answer, matcher, &engine, pairs, speeds, err);
}
